# imgforge_library(<name> [DEPENDS libs…] [SOURCES files…]): one static library per folder. Without SOURCES every .cpp of
# the folder is taken, so that adding an operation or a stage is adding a file. DEPENDS states the only folders (and
# packages) the code may include; tests/unit/layering_test.cpp checks the includes themselves.
function(imgforge_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES;GLOB" ${ARGN})
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

# The heavy headers that nearly every unit reads. Off in `dev`, so that a missing include is found there.
function(imgforge_precompile target)
  if(IMGFORGE_PCH)
    target_precompile_headers(${target} PRIVATE <nlohmann/json.hpp> <fmt/format.h> <chrono> <filesystem> <functional>
                              <map> <memory> <optional> <regex> <string> <variant> <vector>)
  endif()
endfunction()

# imgforge_test(<name> LABEL unit|golden|tools|guest|boot [LIBS libs…] [TIMEOUT s]): every *.cpp of the folder in one
# GoogleTest program, each test its own CTest entry for fast tiers, the program as a whole for the slow ones that share
# what they make.
function(imgforge_test name)
  cmake_parse_arguments(ARG "WHOLE" "LABEL;TIMEOUT" "LIBS;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS *.cpp)
  endif()
  if(NOT ARG_SOURCES)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} imgforge_test_support GTest::gmock GTest::gtest_main)
  imgforge_precompile(${name})
  set(properties LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES ${properties} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  else()
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  endif()
endfunction()
