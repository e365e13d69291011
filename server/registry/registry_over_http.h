// A schema registry elsewhere: asked over HTTP, what it has said of ids is kept.
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

// What an id means never changes, so it is asked for once. While nobody answers, ids that are not known yet are
// unavailable, and asked for again at a pace that slows down: records that name them wait. Only where the registry
// says that there is no such id it is none, for a while.
//
// Threads: any; answers come on the HTTP thread. Owner: the node. After stop() nobody is answered any more.
class RegistryOverHttp final : public engine::OutsideRegistry {
 public:
  struct Pace {
    int64_t first_retry_ms = 250, longest_retry_ms = 10'000;
    int64_t absent_for_ms = 1'000;  // before an id that was not there is asked for again
  };
  RegistryOverHttp(std::vector<RegistryEndpoint> endpoints, const Clock& clock)
      : RegistryOverHttp(std::move(endpoints), clock, RegistryClient::Limits(), Pace()) {}
  RegistryOverHttp(std::vector<RegistryEndpoint> endpoints, const Clock& clock,
                   RegistryClient::Limits limits, Pace pace);

  // Called when something that was unavailable is known.
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
    std::string problem;  // of the last time; empty: there is none
    bool is_asking = false;
    int64_t again_at_us = 0, retry_ms = 0;
  };
  class Loading;
  class Answering;
  using Loaded = std::function<void(Result<engine::SchemaTextPtr>)>;

  void ask_for(int32_t id);
  void note(int32_t id, Result<engine::SchemaTextPtr> loaded);
  void make_room();
  // The schema with this id, and what it refers to; null: there is none.
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
  RegistryClient client_;  // last: its thread uses all of these
};

}  // namespace server
