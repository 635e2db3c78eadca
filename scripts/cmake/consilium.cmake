# How this project builds: one library per room, one test program per room.
#
#   consilium_library(NAME common_sum SRCS a.cc HDRS a.h DEPS common_base Eigen3::Eigen [KERNEL])
#   consilium_binary(NAME consilium SRCS main.cc DEPS ...)
#   consilium_test(NAME common_sum_test SRCS a_test.cc DEPS common_sum [TIMEOUT seconds] [LABELS ...]
#                  [STRICT_LEAKS])
#
# STRICT_LEAKS: LeakSanitizer without the suppressions that gRPC needs (tests/common/rpc/leaks.supp).
# A DEPS entry without "::" names a room of ours. KERNEL marks training and summing code, which is
# optimised in every preset (at -O0 it is two orders slow).

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

# The order matters on Debian 12: gRPC's package file wants Protobuf's targets in module mode.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl CONFIG REQUIRED)
if(CONSILIUM_WITH_GRPC)
  find_package(gRPC CONFIG REQUIRED)
endif()
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBDEFLATE REQUIRED IMPORTED_TARGET libdeflate)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp CONFIG REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_path(EIGEN_INCLUDE Eigen/Core PATH_SUFFIXES eigen3 REQUIRED)
add_library(consilium_eigen INTERFACE)
target_include_directories(consilium_eigen SYSTEM INTERFACE "${EIGEN_INCLUDE}")
target_compile_definitions(consilium_eigen INTERFACE EIGEN_DONT_PARALLELIZE EIGEN_MPL2_ONLY)
add_library(Consilium::Eigen ALIAS consilium_eigen)

add_library(consilium_flags INTERFACE)
target_include_directories(consilium_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
# The same bits on every machine: no contraction into FMA outside the kernels that allow for it.
target_compile_options(consilium_flags INTERFACE -ffp-contract=off -fno-omit-frame-pointer)
target_compile_options(consilium_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Wvla $<$<BOOL:${CONSILIUM_WERROR}>:-Werror>)
# g++ 12 at -O2 sees overlaps and overflows in its own std::string that are not there.
target_compile_options(consilium_flags INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-stringop-overflow>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Designated initializers leave the rest at its default on purpose.
  target_compile_options(consilium_flags INTERFACE -Wthread-safety
    -Wno-unused-command-line-argument -Wno-missing-designated-field-initializers)
  add_link_options(-fuse-ld=lld-19)
endif()
if(CONSILIUM_SANITIZE)
  add_compile_options(-fsanitize=${CONSILIUM_SANITIZE} -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${CONSILIUM_SANITIZE})
endif()

# One translation unit for up to ten sources: the sanitizers' and the fuzzers' builds take a third of
# the time. Release compiles every source of ours alone, so a missing include does not hide.
if(CONSILIUM_UNITY STREQUAL "all")
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 10)
  target_compile_options(consilium_flags INTERFACE -Wno-shadow
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

function(_consilium_link target)
  target_link_libraries(${target} PUBLIC consilium_flags)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "::")
      target_link_libraries(${target} PUBLIC ${dep})
    else()
      target_link_libraries(${target} PUBLIC consilium_${dep})
    endif()
  endforeach()
endfunction()

function(consilium_library)
  cmake_parse_arguments(ARG "KERNEL" "NAME" "SRCS;HDRS;DEPS" ${ARGN})
  set(target consilium_${ARG_NAME})
  if(NOT ARG_SRCS)
    message(FATAL_ERROR "consilium_library(${ARG_NAME}): a room has at least one source")
  endif()
  add_library(${target} STATIC ${ARG_SRCS})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}/src"
                 FILES ${ARG_HDRS})
  # Every header compiles alone: the target all_verify_interface_header_sets checks it.
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  if(ARG_KERNEL)
    # g++ 12 at -O3 takes fmt's compile-time parser for an overflow; it is not one.
    target_compile_options(${target} PRIVATE -O3
      $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
  endif()
  _consilium_link(${target} ${ARG_DEPS})
endfunction()

function(consilium_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  _consilium_link(${ARG_NAME} ${ARG_DEPS})
endfunction()

function(consilium_test)
  cmake_parse_arguments(ARG "STRICT_LEAKS" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT CONSILIUM_BUILD_TESTS)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE "${CMAKE_SOURCE_DIR}")
  if(NOT CONSILIUM_UNITY STREQUAL "none")
    set_target_properties(${ARG_NAME} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
  _consilium_link(${ARG_NAME} ${ARG_DEPS})
  target_link_libraries(${ARG_NAME} PRIVATE GTest::gmock GTest::gtest_main)
  if(CONSILIUM_SANITIZE MATCHES "undefined")
    # The tests' own arithmetic is not what is tested, and this halves their compile time.
    target_compile_options(${ARG_NAME} PRIVATE -fno-sanitize=undefined)
  endif()
  target_compile_definitions(${ARG_NAME} PRIVATE
    CONSILIUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" CONSILIUM_BINARY_DIR="${CMAKE_BINARY_DIR}/bin")
  # Threads of gRPC live until the process ends, and with them what OpenSSL keeps for each thread.
  set(properties TIMEOUT ${ARG_TIMEOUT})
  if(NOT ARG_STRICT_LEAKS)
    list(APPEND properties ENVIRONMENT
         "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/common/rpc/leaks.supp:print_suppressions=0")
  endif()
  if(ARG_LABELS)  # an empty value would swallow the name after it
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    TEST_PREFIX "${ARG_NAME}/" PROPERTIES ${properties})
endfunction()
