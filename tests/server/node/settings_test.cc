#include "server/node/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/storage/scratch_directory.h"

namespace server {
namespace {

class SettingsTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"MILLRACE_PG", "MILLRACE_SHARDS"}) unsetenv(name);
  }
  static ServerArguments read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "millrace server");
    return read_server_arguments(static_cast<int>(arguments.size()), arguments.data());
  }
  std::string file(const std::string& text) {
    const std::string path = directory_.path() + "/millrace.toml";
    std::ofstream(path) << text;
    return path;
  }
  // What is printed when these are refused.
  static std::string refusal(const std::vector<const char*>& arguments) {
    testing::internal::CaptureStderr();
    const ServerArguments read_arguments = read(arguments);
    const std::string printed = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(read_arguments.is_over);
    EXPECT_EQ(read_arguments.exit_code, 2);
    return printed;
  }
  storage::ScratchDirectory directory_;
};

TEST_F(SettingsTest, without_anything_the_defaults_hold) {
  const ServerArguments arguments = read({});
  EXPECT_FALSE(arguments.is_over);
  EXPECT_EQ(arguments.settings.data_dir, "./millrace-data");
  EXPECT_EQ(arguments.settings.pg.to_string(), "127.0.0.1:7432");
  EXPECT_EQ(arguments.settings.sql.engine.num_partitions, 4);
  EXPECT_EQ(arguments.settings.sql.engine.default_value_format, "JSON");
}

TEST_F(SettingsTest, flags_win_over_variables_and_these_over_the_file) {
  const std::string path = file("pg = \":1\"\nshards = 1\nnum-partitions = 7\n");
  setenv("MILLRACE_PG", ":2", 1);
  setenv("MILLRACE_SHARDS", "2", 1);
  const ServerArguments arguments = read({"--config", path.c_str(), "--pg", ":3"});
  EXPECT_FALSE(arguments.is_over);
  EXPECT_EQ(arguments.settings.pg.port, 3);
  EXPECT_EQ(arguments.settings.shards, 2);
  EXPECT_EQ(arguments.settings.sql.engine.num_partitions, 7);
}

TEST_F(SettingsTest, what_is_wrong_is_said_with_its_place) {
  EXPECT_NE(refusal({"--shards", "many"}).find("--shards: \"many\" is not a number from 0 to 1024"),
            std::string::npos);
  EXPECT_NE(refusal({"--num-partitions", "0"}).find("--num-partitions"), std::string::npos);
  EXPECT_NE(refusal({"--log-level", "loud"}).find("debug, info, warn or error"), std::string::npos);
  EXPECT_NE(refusal({"--pg", "nonsense"}).find("--pg"), std::string::npos);
  EXPECT_NE(refusal({"--config", "/nowhere/at/all"}).find("/nowhere/at/all"), std::string::npos);
  setenv("MILLRACE_SHARDS", "-1", 1);
  EXPECT_NE(refusal({}).find("MILLRACE_SHARDS"), std::string::npos);
}

TEST_F(SettingsTest, a_file_with_a_mistake_is_refused) {
  const auto refused = [this](const std::string& text) {
    const std::string path = file(text);
    return refusal({"--config", path.c_str()});
  };
  EXPECT_NE(refused("shard = 1\n").find("there is no setting \"shard\""), std::string::npos);
  EXPECT_NE(refused("shards = 5000\n").find("shards: \"5000\""), std::string::npos);
  EXPECT_NE(refused("data-dir = true\n").find("data-dir: neither a text nor a whole number"),
            std::string::npos);
  EXPECT_NE(refused("shards = 1\nnonsense\n").find("line 2"), std::string::npos);
}

TEST_F(SettingsTest, ksqldb_compatibility_has_no_default_format) {
  const ServerArguments arguments = read({"--compat", "ksqldb"});
  EXPECT_TRUE(arguments.settings.sql.engine.ksqldb_compat);
  EXPECT_EQ(arguments.settings.sql.engine.default_value_format, "");
}

}  // namespace
}  // namespace server
