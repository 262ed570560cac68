// Clang's thread-safety annotations; empty on other compilers.
#pragma once

#if defined(__clang__)
#define PETREL_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define PETREL_REQUIRES(x) __attribute__((requires_capability(x)))
#else
#define PETREL_GUARDED_BY(x)
#define PETREL_REQUIRES(x)
#endif
