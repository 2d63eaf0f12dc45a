#include "environments/requirements.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace maru::environments {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string refusal(std::string_view text) {
    try {
        normalise_requirements(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "accepted";
}

TEST(Requirements, TextsThatAskForTheSameAreTheSame) {
    EXPECT_THAT(normalise_requirements("# comment\n\nScikit_Learn >= 1.4  # why\r\nmlflow\n"),
                ElementsAre("mlflow", "scikit-learn >= 1.4"));
    EXPECT_EQ(normalise_requirements("b\na\nb"), normalise_requirements("A\nB\n"));
}

TEST(Requirements, ContinuedLinesAreJoined) {
    EXPECT_THAT(normalise_requirements("torch==2.5 \\\n    --hash=sha256:00\n"),
                ElementsAre("torch==2.5 --hash=sha256:00"));
}

TEST(Requirements, ExtrasMarkersAndUrlsStayAsTheyAre) {
    EXPECT_THAT(
        normalise_requirements("Ray[Tune]; python_version < '4'\n"
                               "pkg @ https://example.org/A#sha256=00\n"
                               "--extra-index-url https://example.org/simple"),
        ElementsAre("--extra-index-url https://example.org/simple",
                    "pkg @ https://example.org/A#sha256=00", "ray[Tune]; python_version < '4'"));
}

TEST(Requirements, OnlyCommentsIsAnEmptyEnvironment) {
    EXPECT_THAT(normalise_requirements("# nothing\n\n"), IsEmpty());
}

TEST(Requirements, LinesThatABuildCannotFollowAreRefusedByNumber) {
    EXPECT_THAT(refusal("numpy\n-r other.txt"), HasSubstr("line 2, \"-r other.txt\""));
    EXPECT_THAT(refusal("-e ."), HasSubstr("editable"));
    EXPECT_THAT(refusal("./wheel.whl"), HasSubstr("local paths"));
    EXPECT_THAT(refusal("dir/wheel.whl"), HasSubstr("local paths"));
    EXPECT_THAT(refusal("pkg @ file:///etc/passwd"), HasSubstr("local paths"));
    EXPECT_THAT(refusal("--target=/"), HasSubstr("only the options"));
    EXPECT_THAT(refusal("--find-links /etc"), HasSubstr("expected a URL"));
    EXPECT_THAT(refusal(std::string(70000, 'a')), HasSubstr("requirements"));
}

TEST(Requirements, NamesAreTheHeadsOfLines) {
    EXPECT_THAT(requirement_names({"--pre", "a-b[c]>=1", "d @ https://e"}),
                ElementsAre("a-b", "d"));
}

TEST(BuildLog, SaysWhichRequirementCannotBeResolved) {
    std::string log =
        "resolving\n"
        "  \x1b[31m×\x1b[0m No solution found when resolving dependencies:\n"
        "  ╰─▶ Because nosuch was not found in the package registry and you require nosuch, we\n"
        "      can conclude that your requirements are unsatisfiable.\n";
    EXPECT_EQ(explain_build_log(log),
              "No solution found when resolving dependencies: Because nosuch was not found in the "
              "package "
              "registry and you require nosuch, we can conclude that your requirements are "
              "unsatisfiable.");
}

TEST(BuildLog, TakesTheLastError) {
    EXPECT_EQ(explain_build_log("error: first\nmore\nerror: second\n  Caused by: third\n"),
              "second Caused by: third");
    EXPECT_EQ(explain_build_log("all went well\n"), "");
}

}  // namespace
}  // namespace maru::environments
