// Clang's thread-safety annotations; empty on other compilers. The locks that carry them: mutex.h.
#pragma once

#if defined(__clang__)
#define PETREL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PETREL_THREAD_ATTRIBUTE(x)
#endif

#define PETREL_CAPABILITY(x) PETREL_THREAD_ATTRIBUTE(capability(x))
#define PETREL_SCOPED_CAPABILITY PETREL_THREAD_ATTRIBUTE(scoped_lockable)
#define PETREL_GUARDED_BY(x) PETREL_THREAD_ATTRIBUTE(guarded_by(x))
#define PETREL_REQUIRES(x) PETREL_THREAD_ATTRIBUTE(requires_capability(x))
#define PETREL_REQUIRES_SHARED(x) PETREL_THREAD_ATTRIBUTE(requires_shared_capability(x))
#define PETREL_ACQUIRE(...) PETREL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define PETREL_ACQUIRE_SHARED(...) PETREL_THREAD_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define PETREL_RELEASE(...) PETREL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define PETREL_RELEASE_SHARED(...) PETREL_THREAD_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define PETREL_RELEASE_GENERIC(...) PETREL_THREAD_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
