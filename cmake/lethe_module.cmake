# The one way to declare a module, a program and their tests.

add_library(lethe_flags INTERFACE)
target_compile_features(lethe_flags INTERFACE cxx_std_20)
target_include_directories(lethe_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(lethe_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  -fno-strict-aliasing -fstack-protector-strong
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
  "$<$<OR:$<BOOL:${LETHE_WERROR}>,$<CONFIG:Debug>>:-Werror>"
  "$<$<CONFIG:Release>:-O2;-D_FORTIFY_SOURCE=2>")
target_compile_definitions(lethe_flags INTERFACE _FILE_OFFSET_BITS=64)
if(LETHE_SANITIZE)
  target_compile_options(lethe_flags INTERFACE -fsanitize=${LETHE_SANITIZE} -fno-omit-frame-pointer
    "$<$<BOOL:${LETHE_FUZZ}>:-fno-sanitize-recover=all>")
  target_link_options(lethe_flags INTERFACE -fsanitize=${LETHE_SANITIZE})
  # Boost.Asio's fences, which the thread sanitizer does not follow.
  target_compile_options(lethe_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(NOT LETHE_SERVER_ONLY)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # modules go into plugins too
endif()

# lethe_module(<name> SOURCES … TESTS … DEPS <modules> EXTERNAL <targets>)
#   one static library lethe_<name> for src/<name>/, one test binary <name>_test for all of TESTS.
#   DEPS is what tools/tidy holds the module's includes against.
function(lethe_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;DEPS;EXTERNAL" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND lethe_ OUTPUT_VARIABLE deps)
  if(ARG_SOURCES)
    add_library(lethe_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(lethe_${name} PUBLIC lethe_flags ${deps} PRIVATE ${ARG_EXTERNAL})
  else()
    add_library(lethe_${name} INTERFACE)
    target_link_libraries(lethe_${name} INTERFACE lethe_flags ${deps} ${ARG_EXTERNAL})
  endif()
  if(ARG_TESTS AND NOT LETHE_SERVER_ONLY)
    add_executable(${name}_test ${ARG_TESTS})
    # What they test is optimized; they themselves compile in half the time without.
    set_source_files_properties(${ARG_TESTS} PROPERTIES
      COMPILE_OPTIONS "$<$<CONFIG:Release>:-O0;-U_FORTIFY_SOURCE>")
    set_target_properties(${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_link_libraries(${name}_test PRIVATE lethe_${name} GTest::gtest_main)
    gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 30 PROPERTIES LABELS unit TIMEOUT 600)
  endif()
endfunction()

# lethe_program(<name> SOURCES … DEPS <modules> EXTERNAL <targets> [STATIC])
function(lethe_program name)
  cmake_parse_arguments(ARG "STATIC" "" "SOURCES;DEPS;EXTERNAL" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND lethe_ OUTPUT_VARIABLE deps)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE lethe_flags ${deps} ${ARG_EXTERNAL})
  if(ARG_STATIC AND NOT LETHE_SANITIZE)  # the sanitizers' runtimes are shared
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# lethe_plugin(<name> SOURCES … DEPS <modules>)
#   a shared library that another program loads: lib/lib<name>.so. It exports what says so, and is
#   left out where a sanitizer's runtime would have to be loaded first.
function(lethe_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(LETHE_SANITIZE)
    return()
  endif()
  list(TRANSFORM ARG_DEPS PREPEND lethe_ OUTPUT_VARIABLE deps)
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden)
  target_link_libraries(${name} PRIVATE lethe_flags ${deps})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs)
endfunction()
