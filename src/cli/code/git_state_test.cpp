#include "cli/code/git_state.hpp"

#include <gtest/gtest.h>

namespace maru::cli {
namespace {

TEST(GitState, AnAddressHasNoCredentials) {
    EXPECT_EQ(without_credentials("https://ada:secret@example.org/a/b.git?token=x#y"),
              "https://example.org/a/b.git");
    EXPECT_EQ(without_credentials("https://token@example.org"), "https://example.org");
    EXPECT_EQ(without_credentials("https://a@b:c@example.org:8443/x"),
              "https://example.org:8443/x");
    EXPECT_EQ(without_credentials("ssh://git@example.org/a@b"), "ssh://example.org/a@b");
    EXPECT_EQ(without_credentials("git@example.org:a/b.git"), "git@example.org:a/b.git");
    EXPECT_EQ(without_credentials("/srv/git/a.git"), "/srv/git/a.git");
}

}  // namespace
}  // namespace maru::cli
