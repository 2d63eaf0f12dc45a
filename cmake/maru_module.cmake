# maru_module(NAME [DEPS module...] [INTERFACES module...] [LIBRARIES target...])
#
# One room of src/: a static library of every *.cpp below its folder (deeper folders that have a
# CMakeLists.txt of their own are modules of their own), and a test program of every *_test.cpp.
# INTERFACES are modules of which it includes header-only declarations (types.hpp, operations.hpp) without
# linking them. DEPS are the modules whose headers it may include; tests/structure/test_includes.py holds the code to
# them, reading the list that each call appends to build/*/modules.txt.
function(maru_module NAME)
    cmake_parse_arguments(ARG "" "" "DEPS;INTERFACES;LIBRARIES;TEST_DEPS" ${ARGN})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    file(GLOB_RECURSE nested ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
    foreach(inner ${nested})
        get_filename_component(folder ${inner} DIRECTORY)
        list(FILTER files EXCLUDE REGEX "^${folder}/")
    endforeach()
    set(tests ${files})
    list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
    list(FILTER files EXCLUDE REGEX "_(test|benchmark)\\.cpp$")

    set(target maru_${NAME})
    list(TRANSFORM ARG_DEPS PREPEND maru_ OUTPUT_VARIABLE dependencies)
    if(files)
        add_library(${target} STATIC ${files})
        target_link_libraries(${target} PUBLIC maru_options ${dependencies} fmt::fmt Threads::Threads)
        target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES})
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE maru_options ${dependencies} fmt::fmt)
    endif()

    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
    string(REPLACE ";" " " deps "${ARG_DEPS};${ARG_INTERFACES}")
    set_property(GLOBAL APPEND PROPERTY MARU_MODULES "${NAME} ${folder} ${deps}")

    if(MARU_TESTS AND tests)
        list(TRANSFORM ARG_TEST_DEPS PREPEND maru_ OUTPUT_VARIABLE test_dependencies)
        add_executable(${target}_test ${tests})
        target_link_libraries(${target}_test PRIVATE ${target} ${test_dependencies} ${ARG_LIBRARIES}
            GTest::gtest_main GTest::gmock)
        gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX "${NAME}." PROPERTIES TIMEOUT 120)
    endif()
endfunction()

# Writes "name folder dependencies..." of every module, a line each, for the test of the include edges.
function(maru_write_modules FILE)
    get_property(modules GLOBAL PROPERTY MARU_MODULES)
    list(JOIN modules "\n" text)
    file(WRITE ${FILE} "${text}\n")
endfunction()
