# Two INTERFACE targets that every target of ours links: how strictly we compile, and with which sanitizers.
add_library(imgforge_settings INTERFACE)
target_include_directories(imgforge_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(imgforge_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused
  -Wconversion -Wsign-conversion -Wold-style-cast -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough
  # g++ 12 warns wrongly about designated initialisers that leave members at their defaults, which is their
  # point.
  -Wno-missing-field-initializers
  $<$<BOOL:${IMGFORGE_WERROR}>:-Werror>)
# g++ 12 reports these inside libstdc++ and nlohmann-json templates when it optimises (GCC bugs 105329,
# 105562, 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(imgforge_settings INTERFACE -Wno-restrict -Wno-maybe-uninitialized
    -Wno-null-dereference
                                                     $<$<CONFIG:Release>:-Wno-stringop-overflow>
                                                     $<$<CONFIG:Release>:-Wno-stringop-overread>
                                                     $<$<CONFIG:Release>:-Wno-array-bounds>)
endif()
target_compile_definitions(imgforge_settings INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

add_library(imgforge_sanitizers INTERFACE)
if(IMGFORGE_SANITIZE)
  target_compile_options(imgforge_sanitizers INTERFACE -fsanitize=${IMGFORGE_SANITIZE} -fno-omit-frame-pointer
                                                       -fno-sanitize-recover=all)
  target_link_options(imgforge_sanitizers INTERFACE -fsanitize=${IMGFORGE_SANITIZE})
endif()
if(IMGFORGE_FUZZ)
  # Coverage for libFuzzer in our libraries; only the fuzz programs link its main.
  target_compile_options(imgforge_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(IMGFORGE_CCACHE ccache)
if(IMGFORGE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${IMGFORGE_CCACHE})
endif()
# mold links the test programs several times faster than bfd; clang 14 and g++ 12 both know -fuse-ld=mold.
find_program(IMGFORGE_MOLD mold)
if(IMGFORGE_MOLD AND CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_link_options(-fuse-ld=mold)
endif()
