# imgforge_library(<name> [DEPENDS libs…] [SOURCES files…]): one static library per directory. Without SOURCES
# every .cpp of the directory is taken, so that adding an operation or a stage is adding a file. DEPENDS
# states the only directories (and packages) the code may include; tests/unit/layering_test.cpp checks the
# includes themselves.
function(imgforge_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES;GLOB" ${ARGN})
  # For tests/unit/layering: "target directory dependencies".
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  string(REPLACE ";" " " dependencies "${ARG_DEPENDS}")
  set_property(GLOBAL APPEND_STRING PROPERTY IMGFORGE_LAYERS "${name} ${folder} ${dependencies}\n")
  if(NOT ARG_SOURCES)
    if(NOT ARG_GLOB)
      set(ARG_GLOB *.cpp)
    endif()
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${ARG_GLOB})
  endif()
  if(NOT ARG_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE imgforge_settings imgforge_sanitizers ${ARG_DEPENDS})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC imgforge_settings imgforge_sanitizers ${ARG_DEPENDS})
  imgforge_precompile(${name})
endfunction()

# The heavy headers that nearly every unit reads, precompiled once in imgforge_base, and with GoogleTest's in
# imgforge_test_support, and used by
# all: the options that matter are the same everywhere, and one costs some seconds of compiling and 100 MB.
# Off in `dev`, so that a missing include is found there.
set(IMGFORGE_HEAVY_HEADERS <nlohmann/json.hpp> <fmt/format.h> <chrono> <filesystem> <functional> <map>
  <memory> <optional> <regex> <string>
    <variant> <vector>)
# imgforge_precompile(<target> [FROM library])
function(imgforge_precompile target)
  cmake_parse_arguments(ARG "" "FROM" "" ${ARGN})
  if(NOT ARG_FROM)
    set(ARG_FROM imgforge_base)
  endif()
  if(NOT IMGFORGE_PCH)
    return()
  elseif(target STREQUAL "imgforge_base")
    target_precompile_headers(${target} PRIVATE ${IMGFORGE_HEAVY_HEADERS})
  elseif(target STREQUAL "imgforge_test_support")
    target_precompile_headers(${target} PRIVATE ${IMGFORGE_HEAVY_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  else()
    target_precompile_headers(${target} REUSE_FROM ${ARG_FROM})
  endif()
endfunction()

# imgforge_test(<name> LABEL unit|golden|tools|guest|boot [LIBS libs…] [TIMEOUT s]): every *.cpp of the
# directory in one GoogleTest program, each test its own CTest entry for fast tiers, the program as a whole
# for the slow ones that share what they make. SEPARATE: its files are never compiled in batches
# (IMGFORGE_UNITY), because their helpers have the same names.
# RARE: a filter of GoogleTest, for the tests of a WHOLE program that are in the tier machines instead.
add_custom_target(unit_tests)
add_custom_target(real_tests)
function(imgforge_test name)
  cmake_parse_arguments(ARG "WHOLE;SEPARATE" "LABEL;TIMEOUT;RARE" "LIBS;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS *.cpp)
  endif()
  if(NOT ARG_SOURCES)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} imgforge_test_support GTest::gmock GTest::gtest_main)
  imgforge_precompile(${name} FROM imgforge_test_support)
  if(ARG_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  # Two builds share the tests: unit and golden are built with sanitizers, the tiers with real machines
  # without.
  if(ARG_LABEL MATCHES "unit|golden")
    add_dependencies(unit_tests ${name})
  else()
    add_dependencies(real_tests ${name})
  endif()
  set(properties LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
  if(ARG_WHOLE AND ARG_RARE)
    add_test(NAME ${name} COMMAND ${name} "--gtest_filter=-${ARG_RARE}")
    set_tests_properties(${name} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
    add_test(NAME ${name}_rare COMMAND ${name} "--gtest_filter=${ARG_RARE}")
    set_tests_properties(${name}_rare PROPERTIES LABELS machines
      TIMEOUT ${ARG_TIMEOUT} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  elseif(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  else()
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  endif()
endfunction()

# imgforge_static_library(<out> <shared target> <archive>…): in <out> what to link: the shared library, or its
# static archives for a program with the property IMGFORGE_STATIC. Why: loading shared libraries and binding
# their symbols takes longer than writing a seed does. What is large (libvirt, libguestfs, libcurl, OpenSSL)
# is loaded when it is needed: builder/base/lazy_library.hpp.
function(imgforge_static_library out shared)
  set(static "$<BOOL:$<TARGET_PROPERTY:IMGFORGE_STATIC>>")
  set(archives)
  foreach(archive ${ARGN})
    find_library(IMGFORGE_STATIC_${archive} lib${archive}.a)
    if(NOT IMGFORGE_STATIC_${archive})
      set(${out} ${shared} PARENT_SCOPE)
      return()
    endif()
    list(APPEND archives "$<${static}:${IMGFORGE_STATIC_${archive}}>")
  endforeach()
  set(${out} ${archives} "$<$<NOT:${static}>:${shared}>" PARENT_SCOPE)
endfunction()

# imgforge_quick_start(<program>): an optimised one starts in some milliseconds, because it loads the C library
# only (imgforge_static_library) and everything large when it is needed (builder/base/lazy_library.hpp). What
# is linked statically stays out of its dynamic symbols, so that a library loaded later uses its own.
function(imgforge_quick_start program)
  target_link_options(${program} PRIVATE -Wl,--as-needed)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_sources(${program} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/static/fmt.cpp
      ${PROJECT_SOURCE_DIR}/cmake/static/archive.cpp)
    set_target_properties(${program} PROPERTIES IMGFORGE_STATIC ON UNITY_BUILD OFF)
    target_link_options(${program} PRIVATE -pie -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL
      -Wl,-z,pack-relative-relocs)
  endif()
endfunction()
