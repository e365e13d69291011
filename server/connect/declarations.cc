#include "server/connect/declarations.h"

#include <fmt/format.h>

#include <future>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/sql/parse.h"

namespace server {

namespace {

Status change_and_wait(MetadataApplier& definitions, TopicChange change) {
  std::promise<Status> done;
  definitions.submit(std::move(change), [&](Result<storage::TopicInfo> topic) {
    done.set_value(topic ? Status{} : Status{std::move(topic).error()});
  });
  return done.get_future().get();
}

}  // namespace

Declarations::~Declarations() {
  if (is_kept_) return;
  for (auto sql = undo_.rbegin(); sql != undo_.rend(); ++sql)
    if (const Status undone = define(*sql); !undone)
      log_warn("a failed CREATE CONNECTOR leaves a stream behind sql=\"{}\" error=\"{}\"", *sql,
               undone.error().message);
  for (const std::string& topic : topics_)
    if (const Status dropped = change_and_wait(definitions_, DeleteTopic{topic}); !dropped)
      log_warn("a failed CREATE CONNECTOR leaves a topic behind topic={} error=\"{}\"", topic,
               dropped.error().message);
}

Status Declarations::make_topic(const std::string& name, int32_t partitions,
                                std::map<std::string, std::string> config) {
  const MetadataImagePtr image = definitions_.image();
  if (image->topics->find(name) != nullptr)
    return check_topic(*image->users, owner_, name, storage::kMayInsert);
  TRY(storage::check_topic_name(name, *image->topics));
  TRY(check_create(*image->users, owner_, {}, {name}));
  CreateTopic create{name, partitions, std::move(config)};
  create.owner = owner_;
  TRY(change_and_wait(definitions_, std::move(create)));
  topics_.push_back(name);
  return {};
}

Status Declarations::make_state_topic() {
  const std::string name(engine::kConnectStateTopic);
  if (definitions_.image()->topics->find(name) != nullptr) return {};
  return change_and_wait(definitions_, CreateTopic{name,
                                                   engine::kConnectStatePartitions,
                                                   {{"cleanup.policy", "compact"},
                                                    {"retention.bytes", "-1"},
                                                    {"retention.ms", "-1"}}});
}

Status Declarations::define(const std::string& sql) {
  std::vector<engine::ParsedStatement> script = TRY(engine::parse_script(sql));
  std::promise<Status> done;
  definitions_.submit(
      std::make_shared<const engine::ParsedStatement>(std::move(script.front())),
      engine::Properties(),
      [&](Result<DefinitionOutcome> outcome) {
        done.set_value(outcome ? Status{} : std::move(outcome).error());
      },
      owner_);
  return done.get_future().get();
}

Status Declarations::declare_stream(const std::string& name, const std::string& columns,
                                    const std::string& topic, const std::string& value_format) {
  std::string quoted;
  for (const char c : topic) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  TRY(define(fmt::format("CREATE STREAM {} ({}) WITH (KAFKA_TOPIC = '{}', VALUE_FORMAT = '{}');",
                         name, columns, quoted, value_format)));
  undo_.push_back(fmt::format("DROP STREAM {};", name));
  return {};
}

}  // namespace server
