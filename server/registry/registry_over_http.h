// An external schema registry, used over HTTP. Its answers about ids are cached.
#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/registry/outside_schemas.h"
#include "server/registry/registry_client.h"

namespace server {

// The schema of an id never changes, so it is requested once. While no endpoint answers, unknown
// ids are unavailable, and records that refer to them wait. The ids are requested again at
// decreasing frequency. Only if the registry reports that an id does not exist is the id treated as
// missing, for a while.
//
// Threads: any; answers arrive on the HTTP thread. Owner: the node. After stop() no callback is
//          called.
class RegistryOverHttp final : public engine::OutsideRegistry {
 public:
  struct Pace {
    int64_t first_retry_ms = 250, longest_retry_ms = 10'000;
    int64_t absent_for_ms = 1'000;  // pause before a missing id is requested again
  };
  RegistryOverHttp(std::vector<HttpEndpoint> endpoints, const Clock& clock)
      : RegistryOverHttp(std::move(endpoints), clock, RegistryClient::Limits(), Pace()) {}
  RegistryOverHttp(std::vector<HttpEndpoint> endpoints, const Clock& clock,
                   RegistryClient::Limits limits, Pace pace);

  // Sets the function that is called when an unavailable schema has become known.
  void on_news(std::function<void()> listener) { listener_ = std::move(listener); }
  void stop() { client_.stop(); }

  engine::SchemaTextPtr find_schema(int32_t id) const override { return ask_schema(id).schema; }
  Found ask_schema(int32_t id) const override;
  void answer(std::vector<engine::SchemaQuestion> questions, engine::OutsideSchemas known,
              std::function<void(Result<engine::OutsideSchemas>)> done) override;
  void list(std::function<void(Result<engine::SchemaRegistry>)> done) override;
  void look_up(std::optional<std::string> subject, std::optional<int32_t> id,
               std::function<void(Result<engine::SchemaRegistry>)> done) override;
  const std::string& url() const override { return client_.url(); }

 private:
  struct Entry {
    engine::SchemaTextPtr schema;
    std::string problem;  // text of the last error; empty if no error has occurred
    bool is_asking = false;
    int64_t again_at_us = 0, retry_ms = 0;
  };
  class Loading;
  class Answering;
  using Loaded = std::function<void(Result<engine::SchemaTextPtr>)>;

  void ask_for(int32_t id);
  void note(int32_t id, Result<engine::SchemaTextPtr> loaded);
  void make_room();
  // Loads the schema with this id and its references. `done` gets null if the id does not exist.
  void load(int32_t id, Loaded done);

  const Clock& clock_;
  const Pace pace_;
  std::function<void()> listener_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::unordered_map<int32_t, Entry> entries_;
  size_t known_bytes_ = 0;
  int asking_ = 0, answering_ = 0;
  bool is_failing_ = false;
  RegistryClient client_;  // last: its thread uses all other members
};

}  // namespace server
