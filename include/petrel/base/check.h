// Broken invariants stop the process with the place and the state, in every build type.
// PETREL_DCHECK is for checks measured to be too hot for release builds.
#pragma once

namespace petrel {

// Prints "CHECK failed: expression at file:line: state" to standard error and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               const char* state);

}  // namespace petrel

#define PETREL_CHECK_STATE(expr, state)                           \
  do {                                                            \
    if (!(expr)) [[unlikely]]                                     \
      ::petrel::check_failed(#expr, __FILE__, __LINE__, (state)); \
  } while (false)
#define PETREL_CHECK(expr) PETREL_CHECK_STATE(expr, "")
#ifdef NDEBUG
#define PETREL_DCHECK(expr) \
  do {                      \
  } while (false)
#else
#define PETREL_DCHECK(expr) PETREL_CHECK(expr)
#endif
