// Creates the topics and streams of CREATE CONNECTOR, and drops them again if the statement fails.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/metadata/metadata_applier.h"

namespace server {

// Each function waits for the metadata thread, so it must not be called on an event loop.
//
// Threads: one. Owner: one CREATE CONNECTOR. Unless keep() was called, the destructor drops all
// objects that this object created.
class Declarations {
 public:
  // `owner` is the role with whose rights the topics and streams are created.
  Declarations(MetadataApplier& definitions, Asker owner)
      : definitions_(definitions), owner_(std::move(owner)) {}
  ~Declarations();
  Declarations(const Declarations&) = delete;
  Declarations& operator=(const Declarations&) = delete;

  // Creates the topic unless it exists. Fails if the owner has no right to create a topic, or to
  // write to an existing one.
  Status make_topic(const std::string& name, int32_t partitions,
                    std::map<std::string, std::string> config = {});
  // Creates the topic for the state of connectors, which belongs to the server.
  Status make_state_topic();
  // Creates a stream over an existing topic. `name` is an SQL identifier.
  Status declare_stream(const std::string& name, const std::string& columns,
                        const std::string& topic, const std::string& value_format);
  void keep() { is_kept_ = true; }

 private:
  Status define(const std::string& sql);

  MetadataApplier& definitions_;
  const Asker owner_;
  std::vector<std::string> topics_;
  std::vector<std::string> undo_;  // statements that drop the created objects
  bool is_kept_ = false;
};

}  // namespace server
