// What `millrace server` can be told: by flags, else by MILLRACE_* variables, else by a TOML file,
// else the defaults.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "server/net/address.h"

namespace server {

// When a task's journal goes into a checkpoint. Tests make it often.
struct CheckpointPace {
  int64_t interval_ms = 10'000;      // at the latest
  int64_t journal_bytes = 16 << 20;  // or when so much has gathered
  int64_t chunk_keys = 5'000;        // in one transaction of the state store
};

struct NodeSettings {
  std::string data_dir = "./millrace-data";
  Address pg{"127.0.0.1", 7432};
  Address kafka{"127.0.0.1", 9092};
  std::optional<Address> kafka_advertised;
  bool auto_create_topics = true;        // when a Kafka client asks for one that is not there
  int shards = 0;                        // 0: as many as cores
  int64_t read_wait_ms = 2000;           // how long a look-up waits for what its session wrote
  int64_t copy_atomic_bytes = 64 << 20;  // a larger COPY commits in blocks
  std::string log_level = "info";        // debug, info, warn, error
  CheckpointPace checkpoint_pace;
  engine::EngineSettings engine;
};

// What the command line asks for besides a server.
struct ServerArguments {
  NodeSettings settings;
  bool is_over = false;  // --help was answered, or the arguments were refused aloud
  int exit_code = 0;
};
ServerArguments read_server_arguments(int argc, const char* const* argv);

}  // namespace server
