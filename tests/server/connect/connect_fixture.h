// The parts of a server that connectors use (log, metadata, connectors), with a disk in memory. A test can stop the
// server, or cut its power, so that unsynced writes are lost.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/connect/state_record.h"
#include "records/batch_builder.h"
#include "server/connect/cluster/cluster_connect_log.h"
#include "server/connect/cluster/member_connect_host.h"
#include "server/connect/hosts/local_connect_host.h"
#include "server/connect/native_connectors.h"
#include "storage/kv/memory_store.h"
#include "storage/log/append_unless_changed.h"
#include "storage/log/log_reader.h"
#include "storage/meta/embedded_metadata_log.h"

namespace server {

class NoQueries : public QueryRunner {
 public:
  void remove_leftovers(const Known&) override {}
  void start(std::vector<QueryPtr>) override {}
  void stop(const DefinedQuery&, Keep) override {}
  Status finish_removal(const std::string&) override { return {}; }
  void stop_with_error(const DefinedQuery&, Error) override {}
  void pause(const std::string&, bool) override {}
  void drop_topic(const Uuid&) override {}
};

// The commits of a cluster whose only node is this one: one append to its log.
inline ConnectAppends appends_to(storage::Log& log) {
  return {.commit =
              [&log](std::vector<ConnectAppends::Part> parts, ConnectAppends::Done done) {
                storage::AppendRequest request;
                const storage::Unchanged unchanged{.since = parts.back().since.value(),
                                                   .only_in = parts.back().partition};
                for (ConnectAppends::Part& part : parts)
                  request.parts.push_back({part.partition, std::move(part.batches)});
                storage::append_unless_changed(
                    log, std::move(request), unchanged,
                    [done = std::move(done)](const Result<storage::Appended>& appended) {
                      if (!appended) return done(appended.error());
                      done(appended->batches);
                    });
              },
          .append =
              [&log](ConnectAppends::Part part,
                     std::function<void(Result<storage::AppendedBatch>)> done) {
                storage::AppendRequest request;
                request.parts.push_back({part.partition, std::move(part.batches)});
                storage::append_unless_changed(
                    log, std::move(request), {.since = kNoCondition},
                    [done = std::move(done)](const Result<storage::Appended>& appended) {
                      if (!appended) return done(appended.error());
                      done(appended->batches.back());
                    });
              }};
}

// One run of the server, from start to stop.
class ConnectServer {
 public:
  // `leads` makes the server node 1 of a cluster, which leads these partitions.
  using Leads = std::function<bool(const storage::TopicPartition&)>;
  ConnectServer(std::unique_ptr<storage::Log> log, NativeSettings settings, Leads leads = {})
      : log_(std::move(log)),
        metadata_(storage::open_embedded_metadata_log(log_->store(), *log_).value()),
        definitions_(*log_, *metadata_, runner_, {}) {
    EXPECT_TRUE(definitions_.recover(must_stop_));
    definitions_.start_thread();
    const auto find_topics = [this] { return definitions_.image()->topics; };
    if (leads) {
      connect_log_ =
          std::make_unique<ClusterConnectLog>(*log_, clock_, find_topics, appends_to(*log_));
      host_ = std::make_unique<MemberConnectHost>(
          *connect_log_, clock_,
          MemberConnectHost::Node{1, std::move(leads), [this] { return definitions_.image(); }});
    } else {
      connect_log_ =
          std::make_unique<LocalConnectLog>(*log_, clock_, [find_topics]() -> std::optional<Uuid> {
            const auto topics = find_topics();
            const auto* topic = topics->find(engine::kConnectStateTopic);
            return topic ? std::optional(topic->id) : std::nullopt;
          });
      host_ = std::make_unique<LocalConnectHost>(*connect_log_, clock_);
    }
    connectors_ = std::make_unique<NativeConnectors>(*connect_log_, *host_, definitions_, clock_,
                                                     memory_, std::move(settings));
    connectors_->start();
  }
  ~ConnectServer() {
    connectors_->stop();
    definitions_.stop_thread();
    log_->close();
  }

  // Calls a method of the port and waits for its answer.
  template <class T, class Call>
  Result<T> call(Call call) {
    std::promise<Result<T>> answer;
    call(*connectors_, [&](Result<T> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  Result<CreatedConnector> create(const std::string& name, ConnectorConfig config,
                                  engine::ConnectorType type = engine::ConnectorType::Source) {
    return call<CreatedConnector>([&](Connectors& to, auto done) {
      to.create({.name = name,
                 .type = type,
                 .config = std::move(config),
                 .initial_state = TargetState::Running,
                 .owner = {},
                 .if_exists = IfConnectorExists::Fail},
                done);
    });
  }
  ConnectorInfo describe(const std::string& name) {
    return call<ConnectorInfo>([&](Connectors& to, auto done) { to.describe(name, done); }).value();
  }
  TaskProgress task(const std::string& name) {
    return call<Listed<TaskProgress>>([&](Connectors& to, auto done) { to.tasks(name, done); })
        .value()
        .items.at(0);
  }
  std::vector<std::string> offsets(const std::string& name) {
    std::vector<std::string> texts;
    const auto offsets = call<std::vector<ConnectorOffset>>(
        [&](Connectors& to, auto done) { to.offsets(name, done); });
    for (const ConnectorOffset& each : *offsets) texts.push_back(each.partition + each.offset);
    return texts;
  }
  Connectors& connectors() { return *connectors_; }
  // Returns the number of tasks that this server runs.
  size_t runs() const { return connectors_->figures().size(); }
  ConnectLog& connect_log() { return *connect_log_; }
  storage::Log& log() { return *log_; }
  MetadataImagePtr image() const { return definitions_.image(); }

  // Returns the values of a topic, partition by partition.
  std::vector<std::string> values(const std::string& topic) {
    std::vector<std::string> values;
    const storage::TopicInfo* info = image()->topics->find(topic);
    if (info == nullptr) return values;
    const auto reader = storage::LogReader::open(*log_).value();
    for (int32_t i = 0; i < info->partition_count; ++i)
      read({info->id, PartitionId(i)}, *reader, values);
    return values;
  }

 private:
  static void read(const storage::TopicPartition& partition, storage::LogReader& reader,
                   std::vector<std::string>& values) {
    constexpr size_t kBytes = 1 << 20;
    for (Offset next{0};;) {
      EXPECT_TRUE(reader.begin_turn());
      const auto batches = reader.read(partition, next, kBytes);
      if (batches)
        for (const storage::BatchRef& stored : *batches) {
          const auto batch = records::parse_batch(stored.bytes, records::BatchCheck::Shape).value();
          std::string scratch;
          auto records = records::RecordReader::open(batch, scratch).value();
          for (records::RecordView record; records.next(record);)
            values.emplace_back(record.value.value_or("NULL"));
          next = stored.last_offset + 1;
        }
      reader.end_turn();
      if (!batches || batches->empty()) return;
    }
  }

  std::atomic<bool> must_stop_ = false;
  SystemClock clock_;
  MemoryBudget memory_;
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<storage::MetadataLog> metadata_;
  NoQueries runner_;
  MetadataApplier definitions_;
  std::unique_ptr<LocalConnectLog> connect_log_;
  std::unique_ptr<ConnectHost> host_;
  std::unique_ptr<NativeConnectors> connectors_;
};

class ConnectTest : public testing::Test {
 protected:
  ConnectTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "connect-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(directory_ / "in");
    std::filesystem::create_directories(directory_ / "secrets");
    settings_.files_dir = directory_.string();
    settings_.secrets.directory = (directory_ / "secrets").string();
    start();
  }
  ~ConnectTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  void start() {
    server_ = std::make_unique<ConnectServer>(storage::Log::open(disk_.open(), {}).value(),
                                              settings_, leads_);
  }
  void stop() { server_.reset(); }
  void restart() {
    stop();
    start();
  }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(directory_ / file, std::ios::binary | std::ios::app) << text;
  }
  // Returns the value once the condition holds, or its last value after a minute.
  template <class Value>
  static Value eventually(const std::function<Value()>& value,
                          const std::function<bool(const Value&)>& condition) {
    Value last = value();
    for (int i = 0; i < 6000 && !condition(last); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      last = value();
    }
    return last;
  }
  using Values = std::vector<std::string>;
  // Waits until the topic has this many values. Returns all of them.
  Values wait_for_values(const std::string& topic, size_t count) {
    return eventually<Values>([&] { return server_->values(topic); },
                              [&](const Values& values) { return values.size() >= count; });
  }
  // Returns whether the file exists now or within a minute.
  bool wait_for_file(const std::string& file) const {
    return eventually<bool>([&] { return std::filesystem::exists(directory_ / file); },
                            [](bool exists) { return exists; });
  }
  ConnectorState wait_for_state(const std::string& name, ConnectorState wanted) {
    return eventually<ConnectorState>([&] { return server_->task(name).task.state; },
                                      [&](ConnectorState state) { return state == wanted; });
  }

  std::filesystem::path directory_;
  storage::MemoryDisk disk_;
  NativeSettings settings_;
  ConnectServer::Leads leads_ = {};  // set for a node of a cluster
  std::unique_ptr<ConnectServer> server_;
};

}  // namespace server
