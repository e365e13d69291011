#include "server/node/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/node/broker_settings.h"
#include "server/node/machine_memory.h"
#include "tests/storage/scratch_directory.h"

namespace server {
namespace {

class SettingsTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"MILLRACE_PG", "MILLRACE_SHARDS", "MILLRACE_MEMRY_LIMIT",
                             "MILLRACE_PROGRAM", "MILLRACE_BINARY"})
      unsetenv(name);
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
  // Returns the text that is printed when the arguments are refused.
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

// If several of Kafka's settings for one limit are given, the setting with the finest unit is used.
TEST_F(SettingsTest, topics_have_defaults_by_kafkas_names) {
  EXPECT_TRUE(topic_defaults(read({}).settings).empty());
  const auto defaults = [](std::vector<const char*> arguments) {
    const ServerArguments read_arguments = read(std::move(arguments));
    EXPECT_FALSE(read_arguments.is_over);
    return topic_defaults(read_arguments.settings);
  };
  using Defaults = std::map<std::string, std::string>;
  EXPECT_EQ(defaults({"--log-retention-hours", "168"}), (Defaults{{"retention.ms", "604800000"}}));
  EXPECT_EQ(defaults({"--log-retention-minutes", "2", "--log-retention-hours", "168"}),
            (Defaults{{"retention.ms", "120000"}}));
  EXPECT_EQ(defaults({"--log-retention-hours=-1"}), (Defaults{{"retention.ms", "-1"}}));
  const std::string path = file(
      "log.retention.ms = 5\nlog.retention.hours = 1\nlog.retention.bytes = 9\n"
      "message.max.bytes = 1048588\nlog.cleanup.policy = \"compact,delete\"\n");
  EXPECT_EQ(defaults({"--config", path.c_str()}), (Defaults{{"retention.ms", "5"},
                                                            {"retention.bytes", "9"},
                                                            {"max.message.bytes", "1048588"},
                                                            {"cleanup.policy", "compact,delete"}}));
  EXPECT_NE(refusal({"--log-cleanup-policy", "keep"}).find("keep"), std::string::npos);
  EXPECT_NE(refusal({"--log-retention-hours=-2"}).find("-2"), std::string::npos);
  EXPECT_NE(refusal({"--log-cleanup-policy", "compact", "--cluster", "c", "--node-id", "1",
                     "--etcd", "http://127.0.0.1:1"})
                .find("cannot be compact"),
            std::string::npos);
}

// The refusal of a change names the flag, which has to exist.
TEST_F(SettingsTest, each_setting_that_kafka_clients_can_see_is_a_flag) {
  const ServerArguments cluster =
      read({"--cluster", "c", "--node-id", "1", "--etcd", "http://127.0.0.1:1", "--rack", "r",
            "--log-retention-hours", "1", "--log-retention-minutes", "1"});
  ASSERT_FALSE(cluster.is_over);
  for (const kafka::StartSetting& setting : broker_settings(cluster.settings)) {
    if (setting.flag.empty()) continue;
    const std::string value = setting.flag == "kafka" ? "127.0.0.1:9092" : setting.value;
    const std::string argument = "--" + setting.flag + "=" + value;
    EXPECT_FALSE(read({argument.c_str()}).is_over) << argument;
  }
}

TEST_F(SettingsTest, without_anything_the_defaults_hold) {
  const ServerArguments arguments = read({});
  EXPECT_FALSE(arguments.is_over);
  EXPECT_EQ(arguments.settings.data_dir, "./millrace-data");
  EXPECT_EQ(arguments.settings.pg.to_string(), "127.0.0.1:7432");
  EXPECT_EQ(arguments.settings.sql.engine.num_partitions, 4);
  EXPECT_EQ(arguments.settings.sql.engine.default_value_format, "JSON");
}

TEST_F(SettingsTest, options_that_do_not_exist_are_named_with_the_nearest) {
  EXPECT_EQ(refusal({"--shrads", "1"}),
            "millrace server: unrecognized option --shrads\nhint: Did you mean --shards?\n"
            "Try: millrace server --help\n");
  EXPECT_EQ(refusal({"--qqqqqqqq=1"}),
            "millrace server: unrecognized option --qqqqqqqq\n"
            "hint: --help lists the options and explains them.\nTry: millrace server --help\n");
  EXPECT_EQ(
      refusal({"start"}),
      "millrace server: unexpected argument \"start\"\nhint: \"millrace server\" without a word "
      "runs a server until Ctrl-C.\nTry: millrace server --help\n");
}

TEST_F(SettingsTest, all_names_of_the_file_that_do_not_exist_are_reported_at_once) {
  const std::string path = file("shrads = 1\npg = \"127.0.0.1:1\"\n[tls]\ncret = \"x\"\n");
  const std::string refused = refusal({"--config", path.c_str()});
  EXPECT_NE(
      refused.find("\"shrads\" (did you mean shards?), \"tls-cret\" (did you mean tls-cert?)"),
      std::string::npos)
      << refused;
}

TEST_F(SettingsTest, an_advertised_address_is_one_that_clients_can_connect_to) {
  for (const char* address : {"0.0.0.0:9092", "[::]:9092", "127.0.0.1:9092,0.0.0.0:29092"}) {
    const std::string refused =
        refusal({"--kafka", "127.0.0.1:9092,127.0.0.1:9093", "--kafka-advertised", address});
    EXPECT_NE(refused.find("is not an address that clients can connect to"), std::string::npos)
        << refused;
  }
}

TEST_F(SettingsTest, flags_win_over_variables_and_these_over_the_file) {
  const std::string path = file("pg = \"127.0.0.1:1\"\nshards = 1\nnum-partitions = 7\n");
  setenv("MILLRACE_PG", "127.0.0.1:2", 1);
  setenv("MILLRACE_SHARDS", "2", 1);
  const ServerArguments arguments = read({"--config", path.c_str(), "--pg", "127.0.0.1:3"});
  EXPECT_FALSE(arguments.is_over);
  EXPECT_EQ(arguments.settings.pg.port, 3);
  EXPECT_EQ(arguments.settings.shards, 2);
  EXPECT_EQ(arguments.settings.sql.engine.num_partitions, 7);
}

TEST_F(SettingsTest, unknown_variables_are_named) {
  setenv("MILLRACE_MEMRY_LIMIT", "64MB", 1);
  setenv("MILLRACE_PROGRAM", "1", 1);
  setenv("MILLRACE_BINARY", "1", 1);  // the tests start servers with this variable
  setenv("MILLRACE_SHARDS", "2", 1);
  const ServerArguments arguments = read({});
  EXPECT_FALSE(arguments.is_over);
  const std::vector<std::string>& unknown = arguments.unknown_variables;
  const auto has = [&](const char* text) { return std::ranges::count(unknown, text) == 1; };
  EXPECT_TRUE(has("MILLRACE_MEMRY_LIMIT (did you mean MILLRACE_MEMORY_LIMIT?)"));
  EXPECT_TRUE(has("MILLRACE_PROGRAM"));
  for (const std::string& name : unknown) {
    EXPECT_FALSE(name.starts_with("MILLRACE_SHARDS"));
    EXPECT_FALSE(name.starts_with("MILLRACE_BINARY"));
  }
}

TEST_F(SettingsTest, mistyped_names_in_the_file_are_reported_with_the_nearest) {
  const std::string path = file("memry-limit = \"64MB\"\nshard = 1\n");
  EXPECT_NE(refusal({"--config", path.c_str()})
                .find("unrecognized setting \"memry-limit\" (did you mean memory-limit?), "
                      "\"shard\" (did you mean shards?)"),
            std::string::npos)
      << refusal({"--config", path.c_str()});
}

TEST_F(SettingsTest, an_error_names_its_place) {
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
  EXPECT_NE(refused("shard = 1\n").find("unrecognized setting \"shard\""), std::string::npos);
  EXPECT_NE(refused("shards = 5000\n").find("shards: \"5000\""), std::string::npos);
  EXPECT_NE(refused("data-dir = 1.5\n").find("data-dir: neither a text nor a whole number"),
            std::string::npos);
  EXPECT_NE(refused("shards = 1\nnonsense\n").find("line 2"), std::string::npos);
}

TEST_F(SettingsTest, ksqldb_compatibility_has_no_default_format) {
  const ServerArguments arguments = read({"--compat", "ksqldb"});
  EXPECT_TRUE(arguments.settings.sql.engine.ksqldb_compat);
  EXPECT_EQ(arguments.settings.sql.engine.default_value_format, "");
}

TEST_F(SettingsTest, kafka_clients_come_to_several_addresses) {
  const NodeSettings settings = read({"--kafka", "127.0.0.1:9092,127.0.0.1:29092",
                                      "--kafka-advertised", "localhost:9092,kafka:29092"})
                                    .settings;
  ASSERT_EQ(settings.kafka.size(), 2u);
  EXPECT_EQ(settings.kafka[1].port, 29092);
  EXPECT_EQ(settings.kafka_advertised.at(1).host, "kafka");
  EXPECT_NE(refusal({"--kafka", "127.0.0.1:1,127.0.0.1:2", "--kafka-advertised", "a:1"})
                .find("another number of addresses"),
            std::string::npos);
  EXPECT_NE(refusal({"--kafka", "127.0.0.1:1,"}).find("error:"), std::string::npos);
  EXPECT_NE(refusal({"--kafka", "127.0.0.1:1,0.0.0.0:2"})
                .find("0.0.0.0:2 would accept connections without authentication"),
            std::string::npos);
  EXPECT_NE(refusal({"--kafka", "127.0.0.1:1,127.0.0.1:2", "--cluster", "c", "--node-id", "1",
                     "--etcd", "http://127.0.0.1:2379"})
                .find("not supported in a cluster yet"),
            std::string::npos);
}

TEST_F(SettingsTest, other_machines_cannot_connect_without_an_explicit_insecure_setting) {
  EXPECT_EQ(
      refusal({"--pg", "0.0.0.0:7432"}),
      "error: --pg 0.0.0.0:7432 would accept connections without authentication\n"
      "hint: Use --access-file with lines such as host all all all scram-sha-256 to authenticate "
      "clients. Create users with CREATE USER ann PASSWORD '...' while the server listens on "
      "127.0.0.1, or the first one with --superuser-password-file. Otherwise listen on 127.0.0.1, "
      "or use --insecure if only trusted clients can reach that address.\n");
  EXPECT_NE(refusal({"--kafka", ":9092"}).find("--kafka :9092 would accept"), std::string::npos);
  EXPECT_NE(refusal({"--kafka", "db.example.com:9092"}).find("would accept"), std::string::npos);
  EXPECT_NE(refusal({"--http", "0.0.0.0:8088"}).find("--http 0.0.0.0:8088 would accept"),
            std::string::npos);
  for (const char* address : {"localhost:1", "127.0.0.1:1", "127.1.2.3:1", "[::1]:1"})
    EXPECT_FALSE(read({"--pg", address}).is_over) << address;
  for (const char* flag : {"--pg", "--kafka", "--http"})
    EXPECT_FALSE(read({flag, "0.0.0.0:1", "--access-file", "rules"}).is_over) << flag;
  // Connections between nodes do not check an access file yet.
  EXPECT_NE(
      refusal({"--nodes", "0.0.0.0:1", "--access-file", "rules"}).find("would accept connections"),
      std::string::npos);
  EXPECT_TRUE(read({"--insecure", "--pg", "0.0.0.0:7432"}).settings.insecure);
  EXPECT_TRUE(read({"--pg", "0.0.0.0:7432", "--insecure"}).settings.insecure);
  const std::string path = file("insecure = true\npg = \"0.0.0.0:1\"\n");
  EXPECT_TRUE(read({"--config", path.c_str()}).settings.insecure);
}

TEST_F(SettingsTest, a_certificate_has_a_key) {
  EXPECT_TRUE(read({"--tls-cert", "c"}).is_over);
  EXPECT_TRUE(read({"--tls-key", "k"}).is_over);
  EXPECT_TRUE(read({"--tls-ca", "a"}).is_over);
  const TlsFiles tls =
      read({"--tls-cert", "c", "--tls-key", "k", "--tls-ca", "a"}).settings.security.tls;
  EXPECT_EQ(tls.certificate + tls.key + tls.client_authority, "cka");
}

TEST_F(SettingsTest, http_has_a_port_of_its_own_or_none) {
  EXPECT_EQ(read({}).settings.http, (Address{"127.0.0.1", 8088}));
  EXPECT_EQ(read({"--http", "127.0.0.1:0"}).settings.http, (Address{"127.0.0.1", 0}));
  EXPECT_EQ(read({"--http", "off"}).settings.http, std::nullopt);
  EXPECT_NE(refusal({"--http", "on"}).find("--http"), std::string::npos);
}

TEST_F(SettingsTest, the_schema_registry_has_a_listener_of_its_own_if_configured) {
  EXPECT_EQ(read({}).settings.registry, std::nullopt);
  EXPECT_EQ(read({"--registry", "127.0.0.1:8081"}).settings.registry, (Address{"127.0.0.1", 8081}));
  EXPECT_EQ(read({"--registry", "off"}).settings.registry, std::nullopt);
  EXPECT_NE(refusal({"--registry", "0.0.0.0:8081"}).find("--registry 0.0.0.0:8081 would accept"),
            std::string::npos);
}

TEST_F(SettingsTest, the_memory_limit_has_units) {
  EXPECT_EQ(read({"--memory-limit", "512MB"}).settings.memory_limit_bytes, size_t{512} << 20);
  const std::string path = file("memory.limit = \"2GB\"\n[max]\nconnections = 7\n");
  const NodeSettings settings = read({"--config", path.c_str()}).settings;
  EXPECT_EQ(settings.memory_limit_bytes, size_t{2} << 30);
  EXPECT_EQ(settings.max_connections, 7u);
  EXPECT_NE(refusal({"--memory-limit", "lots"}).find("--memory-limit: \"lots\" is not a size"),
            std::string::npos);
  EXPECT_NE(refusal({"--memory-limit", "1MB"}).find("is less than 64 MB"), std::string::npos);
}

// The memory limit of the container, or of a group around it, is used if it is below the machine's
// memory.
TEST_F(SettingsTest, the_memory_of_the_machine_respects_the_container) {
  namespace fs = std::filesystem;
  const fs::path root = directory_.path();
  const auto write = [&root](const std::string& name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  };
  write("proc/meminfo", "MemTotal:       8388608 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(machine_memory_bytes(root), size_t{8} << 30);
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(machine_memory_bytes(root), size_t{8} << 30);
  write("sys/fs/cgroup/a/memory.max", "1073741824\n");
  EXPECT_EQ(machine_memory_bytes(root), size_t{1} << 30);
  write("proc/self/cgroup", "4:cpu,memory:/docker/x\n0::/\n");
  EXPECT_EQ(machine_memory_bytes(root), size_t{8} << 30);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  EXPECT_EQ(machine_memory_bytes(root), size_t{512} << 20);
}

TEST_F(SettingsTest, a_node_that_starts_an_etcd_asks_its_own_member_first) {
  const std::string peers = "1=10.0.0.1:2380,2=10.0.0.2:2380,3=[::1]:12380";
  const ServerArguments arguments = read({"--cluster", "c", "--node-id", "2", "--etcd", "start",
                                          "--peers", peers.c_str(), "--kafka", "127.0.0.1:0"});
  ASSERT_FALSE(arguments.is_over);
  EXPECT_EQ(etcd_endpoints(arguments.settings),
            (std::vector<std::string>{"http://10.0.0.2:2379", "http://10.0.0.1:2379",
                                      "http://[::1]:12379"}));
}

TEST_F(SettingsTest, with_certificates_the_members_of_etcd_answer_on_their_own_machines_only) {
  const ServerArguments arguments =
      read({"--cluster", "c", "--node-id", "1", "--etcd", "start", "--peers",
            "1=10.0.0.1:2380,2=10.0.0.2:2380", "--nodes-tls-cert", "c.pem", "--nodes-tls-key",
            "k.pem", "--nodes-tls-ca", "a.pem"});
  ASSERT_FALSE(arguments.is_over);
  EXPECT_EQ(etcd_endpoints(arguments.settings),
            (std::vector<std::string>{"http://127.0.0.1:2379"}));
}

}  // namespace
}  // namespace server
