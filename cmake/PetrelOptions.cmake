# Compiler settings shared by every target.
option(PETREL_WERROR "Treat warnings as errors" ON)
option(PETREL_BENCH "Build the benchmarks" ON)
option(PETREL_LTO "Link the server with link-time optimisation (g++)" OFF)
option(PETREL_FUZZ "Build libFuzzer targets (needs clang)" OFF)
set(PETREL_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS OFF CACHE BOOL "Compile every public header alone")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(PETREL_CCACHE ccache)
if(PETREL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PETREL_CCACHE})
endif()

add_library(petrel_flags INTERFACE)
target_compile_options(petrel_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  $<$<BOOL:${PETREL_WERROR}>:-Werror>
  # libstdc++ 12 uses what it deprecates (std::stable_sort); only clang says so.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety$<SEMICOLON>-Wno-deprecated-declarations>
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(PETREL_SANITIZE)
  add_compile_options(-fsanitize=${PETREL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PETREL_SANITIZE})
endif()

# Archives hold plain code beside the code to be optimised; only the server asks for the latter.
if(PETREL_LTO AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # (A target cannot take -fno-lto back: -flto behind it leaves the optimiser out.)
  add_link_options($<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:NAME>,petrel>>:-fno-lto>)
endif()

# The release binary is one file: only libc, libm and the loader are dynamic.
add_library(petrel_static_runtime INTERFACE)
if(NOT PETREL_SANITIZE)
  target_link_options(petrel_static_runtime INTERFACE -static-libstdc++ -static-libgcc
    # Fewer pages touched at start: relocations packed, sections that nobody uses left out.
    # Symbols are bound before the start gives its pages back, so that the loader is not needed again.
    -Wl,-z,pack-relative-relocs -Wl,--gc-sections -Wl,-z,now)
endif()
