#include "cli/config.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/error.hpp"
#include "base/files.hpp"

namespace maru::cli {
namespace {

EnvironmentLookup environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        auto found = variables.find(std::string(name));
        if (found == variables.end() || found->second.empty()) return std::nullopt;
        return found->second;
    };
}

TEST(Config, defaults) {
    auto settings = resolve_settings({}, environment({}), {});
    EXPECT_EQ(settings.url, "http://127.0.0.1:7070");
    EXPECT_EQ(settings.token, "");
    EXPECT_EQ(settings.project, "default");
}

TEST(Config, flags_go_before_variables_before_the_file) {
    SavedConfig saved{.url = "http://file:1", .token = "file", .project = "file"};
    auto variables =
        environment({{"MARU_URL", "http://variable:1/"}, {"MARU_PROJECT", "variable"}});
    GlobalOptions flags;
    flags.project = "flag";
    auto settings = resolve_settings(flags, variables, saved);
    EXPECT_EQ(settings.url, "http://variable:1");
    EXPECT_EQ(settings.project, "flag");
    EXPECT_EQ(resolve_settings({}, variables, saved).project, "variable");
    EXPECT_EQ(resolve_settings({}, environment({}), saved).project, "file");
}

TEST(Config, the_saved_token_goes_only_to_the_saved_server) {
    SavedConfig saved{.url = "http://a:1/", .token = "secret", .project = {}};
    EXPECT_EQ(resolve_settings({}, environment({}), saved).token, "secret");
    EXPECT_EQ(resolve_settings({}, environment({{"MARU_URL", "http://a:1"}}), saved).token,
              "secret");
    EXPECT_EQ(resolve_settings({}, environment({{"MARU_URL", "http://b:1"}}), saved).token, "");
    auto other = environment({{"MARU_URL", "http://b:1"}, {"MARU_TOKEN", "given"}});
    EXPECT_EQ(resolve_settings({}, other, saved).token, "given");
}

TEST(Config, addresses) {
    EXPECT_EQ(normalize_url("host:7070"), "http://host:7070");
    EXPECT_EQ(normalize_url(" https://host/maru// "), "https://host/maru");
    EXPECT_EQ(normalize_url("unix:/run/maru.sock"), "unix:/run/maru.sock");
    EXPECT_THROW(normalize_url("ftp://host"), Error);
}

TEST(Config, paths_follow_xdg) {
    EXPECT_EQ(config_path(environment({{"HOME", "/h"}})), "/h/.config/maru/config.toml");
    EXPECT_EQ(config_path(environment({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}})),
              "/x/maru/config.toml");
    EXPECT_EQ(config_path(environment({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "relative"}})),
              "/h/.config/maru/config.toml");
    EXPECT_THROW(config_path(environment({})), Error);
    EXPECT_EQ(cache_directory(environment({})), "");
}

class ConfigFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "maru-config-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        path_ = folder_ / "deep" / "config.toml";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path folder_, path_;
};

TEST_F(ConfigFile, is_read_as_written_and_private) {
    write_config(path_, {.url = "http://a", .token = "t\"\\", .project = "p"});
    auto read = read_config(path_);
    EXPECT_EQ(read.url, "http://a");
    EXPECT_EQ(read.token, "t\"\\");
    EXPECT_EQ(read.project, "p");
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(ConfigFile, keeps_keys_that_it_does_not_know) {
    std::filesystem::create_directories(path_.parent_path());
    std::ofstream(path_) << "colour = \"blue\"\ntoken = \"old\"\n";
    write_config(path_, {.url = "http://a", .token = "", .project = "p"});
    auto text = read_file(path_);
    EXPECT_NE(text.find("blue"), std::string::npos);
    EXPECT_EQ(text.find("old"), std::string::npos);
}

TEST_F(ConfigFile, errors_name_the_line) {
    EXPECT_EQ(read_config(path_).url, "");
    std::filesystem::create_directories(path_.parent_path());
    std::ofstream(path_) << "url = \"http://a\"\ntoken = \n";
    try {
        read_config(path_);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        EXPECT_NE(error.message().find("config.toml:2"), std::string::npos) << error.message();
    }
    std::ofstream(path_) << "url = 3\n";
    EXPECT_THROW(read_config(path_), Error);
}

}  // namespace
}  // namespace maru::cli
