# check: the fast tiers. format/check_format: clang-format over our files. lint: clang-tidy over what is
# compiled.
file(GLOB_RECURSE IMGFORGE_SOURCES CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/builder/*.[ch]pp ${PROJECT_SOURCE_DIR}/templates/*.[ch]pp
  ${PROJECT_SOURCE_DIR}/seeds/*.[ch]pp
  ${PROJECT_SOURCE_DIR}/sysprep/*.[ch]pp ${PROJECT_SOURCE_DIR}/pipelines/*.[ch]pp
  ${PROJECT_SOURCE_DIR}/tests/*.[ch]pp)
if(IMGFORGE_TESTS)
  add_custom_target(check COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -L "unit|golden|tools"
    USES_TERMINAL)
endif()
add_custom_target(format COMMAND clang-format -i ${IMGFORGE_SOURCES} VERBATIM)
add_custom_target(check_format COMMAND clang-format --dry-run -Werror ${IMGFORGE_SOURCES} VERBATIM)
add_custom_target(lint COMMAND ${PROJECT_SOURCE_DIR}/scripts/lint.sh ${CMAKE_BINARY_DIR} USES_TERMINAL)
find_program(IMGFORGE_DOXYGEN doxygen)
if(IMGFORGE_DOXYGEN)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in ${CMAKE_BINARY_DIR}/Doxyfile @ONLY)
  add_custom_target(doxygen COMMAND ${IMGFORGE_DOXYGEN} ${CMAKE_BINARY_DIR}/Doxyfile VERBATIM)
endif()
