#include "server/connect/native_connectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>

#include "base/log.h"
#include "base/suggest.h"
#include "engine/connect/state_record.h"
#include "engine/types/ascii.h"
#include "server/connect/files/file_connectors.h"
#include "server/connect/http/http_connectors.h"
#include "server/connect/mqtt/mqtt_connectors.h"
#include "server/connect/postgres/postgres_connectors.h"
#include "server/connect/s3/s3_connectors.h"
#include "server/connect/webhooks/webhook_connectors.h"

namespace server {

namespace {

constexpr int32_t kOnlyTask = 0;  // number of the only task, since file sources have one task
// interval between attempts to start connectors that wait for a free thread (settings_.max_threads)
constexpr std::chrono::milliseconds kRetryInterval(200);

// Returns the error for a missing connector. `connectors` is a map from the names of the existing connectors. The hint
// is empty if none of them has a similar name.
template <class Known>
Error no_connector(const std::string& name, const Known& connectors) {
  std::vector<std::string> names;
  for (const auto& [known, connector] : connectors) names.push_back(known);
  return {ErrorCode::UndefinedObject,
          fmt::format("connector {} does not exist", name),
          {},
          nearest_name(name, names).empty() ? "" : did_you_mean(name, names, {}, "\"", "\"")};
}

Error exists_already(const std::string& name) {
  return {ErrorCode::DuplicateObject, fmt::format("connector {} already exists", name)};
}

storage::ConnectorTarget stored_target(TargetState target) {
  switch (target) {
    case TargetState::Running:
      return storage::ConnectorTarget::Running;
    case TargetState::Paused:
      return storage::ConnectorTarget::Paused;
    case TargetState::Stopped:
      return storage::ConnectorTarget::Stopped;
  }
  return storage::ConnectorTarget::Running;
}

}  // namespace

NativeConnectors::NativeConnectors(ConnectLog& log, ConnectHost& host, MetadataApplier& definitions,
                                   const Clock& clock, MemoryBudget& memory,
                                   NativeSettings settings)
    : log_(log),
      host_(host),
      definitions_(definitions),
      clock_(clock),
      memory_(memory),
      connector_memory_(settings.max_memory_bytes),
      settings_(std::move(settings)) {
  own_families_.push_back(std::make_unique<FileConnectors>(settings_.files_dir, clock_));
  own_families_.push_back(std::make_unique<PostgresConnectors>(clock_));
  own_families_.push_back(std::make_unique<WebhookConnectors>(
      webhooks_, [this] { return definitions_.image()->topics; }, connector_memory_, clock_));
  own_families_.push_back(std::make_unique<HttpConnectors>());
  own_families_.push_back(std::make_unique<S3Connectors>(clock_));
  own_families_.push_back(
      std::make_unique<MqttConnectors>([this] { return definitions_.image()->topics; }, clock_));
  for (const auto& family : own_families_) families_.push_back(family.get());
}

NativeConnectors::~NativeConnectors() { stop(); }

void NativeConnectors::start(std::string worker_id) {
  worker_id_ = std::move(worker_id);
  thread_ = std::thread([this] { run(); });
}

void NativeConnectors::stop() {
  std::deque<Call> refused;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    refused = std::exchange(calls_, {});
    arrived_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  for (const Call& call : refused) call.refuse({ErrorCode::ShuttingDown, "the server is stopping"});
  std::map<std::string, Run> ended;
  {
    const std::lock_guard lock(runs_mutex_);
    ended.swap(runs_);
  }
  ended.clear();  // destroys the tasks, which waits until they have ended
}

template <class T>
void NativeConnectors::submit(Done<T> done, std::function<Result<T>()> work) {
  Call call{[this, done, work = std::move(work)] {
              host_.refresh();
              done(work());
            },
            [done](Error error) { done(std::move(error)); }};
  {
    const std::lock_guard lock(mutex_);
    if (!is_stopping_) {
      calls_.push_back(std::move(call));
      arrived_.notify_all();
      return;
    }
  }
  call.refuse({ErrorCode::ShuttingDown, "the server is stopping"});
}

void NativeConnectors::run() {
  follow();
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (calls_.empty()) {
      arrived_.wait_for(lock, kRetryInterval);
      if (!calls_.empty() || is_stopping_) continue;
      lock.unlock();
      follow();
      lock.lock();
      continue;
    }
    const Call call = std::move(calls_.front());
    calls_.pop_front();
    lock.unlock();
    call.work();
    follow();
    lock.lock();
  }
}

// --- The calls

void NativeConnectors::create(ConnectorDefinition definition, Done<CreatedConnector> done) {
  submit<CreatedConnector>(
      std::move(done), [this, definition = std::move(definition)] { return create(definition); });
}

void NativeConnectors::alter(std::string name, ConnectorConfig config,
                             Done<CreatedConnector> done) {
  submit<CreatedConnector>(
      std::move(done), [this, name = std::move(name), config = std::move(config)] {
        return [&]() -> Result<CreatedConnector> { return replace(TRY(find(name)), config); }();
      });
}

void NativeConnectors::change(std::string name, ConfigChanges changes,
                              Done<CreatedConnector> done) {
  submit<CreatedConnector>(
      std::move(done),
      [this, name = std::move(name), changes = std::move(changes)]() -> Result<CreatedConnector> {
        const Definition old = TRY(find(name));
        ConnectorConfig config = old->config;
        for (const auto& [property, value] : changes) {
          if (value)
            config[property] = *value;
          else
            config.erase(property);
        }
        return replace(old, std::move(config));
      });
}

void NativeConnectors::drop(std::string name, Done<std::vector<ConnectorNotice>> done) {
  submit<std::vector<ConnectorNotice>>(std::move(done),
                                       [this, name = std::move(name)] { return drop(name); });
}

void NativeConnectors::set_state(std::string name, TargetState target, Done<void> done) {
  submit<void>(std::move(done), [this, name = std::move(name), target]() -> Result<void> {
    TRY(set_state(name, target));
    return {};
  });
}

void NativeConnectors::restart(std::string name, Restart what, Done<ConnectorInfo> done) {
  submit<ConnectorInfo>(
      std::move(done), [this, name = std::move(name), what]() -> Result<ConnectorInfo> {
        const Definition definition = TRY(find(name));
        const bool has_failed = report_of(*definition).facts.state == ConnectorState::Failed;
        // Restarts the task even if what.includes_tasks is false. In that case Kafka Connect restarts only the
        // connector; but here a connector consists only of its task.
        if (what.only_failed && !has_failed) return info_of(*definition);
        TRY(restart(definition));
        return info_of(*definition);
      });
}

void NativeConnectors::restart_task(std::string name, int32_t task, Done<void> done) {
  submit<void>(std::move(done), [this, name = std::move(name), task]() -> Result<void> {
    const Definition definition = TRY(find(name));
    if (task != kOnlyTask || !has_task(*definition))
      return Error{ErrorCode::UndefinedObject,
                   fmt::format("connector {} has no task {}", name, task)};
    return restart(definition);
  });
}

void NativeConnectors::list(Done<Listed<ConnectorInfo>> done) {
  submit<Listed<ConnectorInfo>>(std::move(done), [this]() -> Result<Listed<ConnectorInfo>> {
    Listed<ConnectorInfo> all;
    const MetadataImagePtr image = definitions_.image();
    for (const auto& [name, definition] : *image->connectors)
      all.items.push_back(info_of(*definition));
    return all;
  });
}

void NativeConnectors::describe(std::string name, Done<ConnectorInfo> done) {
  submit<ConnectorInfo>(std::move(done), [this, name = std::move(name)]() -> Result<ConnectorInfo> {
    return info_of(*TRY(find(name)));
  });
}

void NativeConnectors::tasks(std::string name, Done<Listed<TaskProgress>> done) {
  submit<Listed<TaskProgress>>(std::move(done),
                               [this, name = std::move(name)]() -> Result<Listed<TaskProgress>> {
                                 Listed<TaskProgress> all;
                                 if (!name.empty()) TRY(find(name));
                                 const MetadataImagePtr image = definitions_.image();
                                 for (const auto& [its_name, definition] : *image->connectors)
                                   if ((name.empty() || its_name == name) && has_task(*definition))
                                     all.items.push_back(progress_of(*definition));
                                 return all;
                               });
}

void NativeConnectors::reset_topics(std::string name, Done<void> done) {
  submit<void>(std::move(done), [this, name = std::move(name)]() -> Result<void> {
    // Only checks that the connector exists. The list of its topics follows from the configuration,
    // so nothing can be reset.
    TRY(find(name));
    return {};
  });
}

void NativeConnectors::offsets(std::string name, Done<std::vector<ConnectorOffset>> done) {
  submit<std::vector<ConnectorOffset>>(std::move(done),
                                       [this, name = std::move(name)] { return offsets(name); });
}

void NativeConnectors::alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                                     Done<std::string> done) {
  submit<std::string>(std::move(done),
                      [this, name = std::move(name), offsets = std::move(offsets)] {
                        return alter_offsets(name, offsets);
                      });
}

void NativeConnectors::reset_offsets(std::string name, Done<std::string> done) {
  submit<std::string>(std::move(done),
                      [this, name = std::move(name)] { return reset_offsets(name); });
}

void NativeConnectors::snapshot(std::string name, std::vector<std::string>, Done<void> done) {
  submit<void>(std::move(done), [this, name = std::move(name)]() -> Result<void> {
    TRY(find(name));
    return Error{
        ErrorCode::NotSupported,
        fmt::format("connector {} takes no snapshot on demand", name),
        {},
        "A source begins again after STOP CONNECTOR, ALTER CONNECTOR ... RESET OFFSETS and "
        "RESUME CONNECTOR."};
  });
}

void NativeConnectors::set_owner(std::string name, std::string owner, Done<void> done) {
  submit<void>(std::move(done),
               [this, name = std::move(name), owner = std::move(owner)]() -> Result<void> {
                 const Definition old = TRY(find(name));
                 auto changed = std::make_shared<storage::ConnectorDefinition>(*old);
                 changed->owner = owner;
                 TRY(store(name, old, changed));
                 stop_tasks(name);
                 start_tasks(changed);
                 return {};
               });
}

void NativeConnectors::validate(ConnectorDefinition definition, Done<CheckedConfig> done) {
  submit<CheckedConfig>(std::move(done), [this, definition = std::move(definition)] {
    return checked_config(families_, settings_.secrets, host_, definition);
  });
}

void NativeConnectors::plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) {
  submit<Listed<ConnectorPlugin>>(std::move(done), [=]() -> Result<Listed<ConnectorPlugin>> {
    Listed<ConnectorPlugin> all;
    if (!connectors_only) {
      for (std::string& name : engine::transform_class_names())
        all.items.push_back({std::move(name), "transformation", {}, "millrace"});
      for (std::string& name : engine::predicate_class_names())
        all.items.push_back({std::move(name), "predicate", {}, "millrace"});
    }
    for (const engine::ConnectorClass& of : engine::connector_classes())
      if (of.support == engine::ClassSupport::BuiltIn)
        all.items.push_back({std::string(of.name),
                             std::string(engine::connector_type_name(of.type)),
                             {},
                             "millrace"});
    return all;
  });
}

void NativeConnectors::plugin_properties(std::string class_name,
                                         Done<std::vector<PropertyDefinition>> done) {
  submit<std::vector<PropertyDefinition>>(
      std::move(done),
      [this, class_name = std::move(class_name)]() -> Result<std::vector<PropertyDefinition>> {
        return property_definitions(TRY(native_class(families_, {{"connector.class", class_name}},
                                                     engine::ConnectorType::Unknown)));
      });
}

NativeConnectors::WebhookOf NativeConnectors::webhook(const std::string& name) const {
  const auto definition = find(name);
  if (!definition) return {};
  const auto native =
      native_class(families_, (*definition)->config, engine::ConnectorType::Unknown);
  if (!native || native->family->name() != kWebhookFamily) return {};
  const bool runs = (*definition)->target == storage::ConnectorTarget::Running;
  return {true, runs ? webhooks_.find(name) : nullptr};
}

// --- Definitions

Result<NativeConnectors::Definition> NativeConnectors::find(const std::string& name) const {
  const auto image = definitions_.image();
  const auto found = image->connectors->find(name);
  if (found == image->connectors->end()) return no_connector(name, *image->connectors);
  return found->second;
}

Result<NativeConnectors::Definition> NativeConnectors::find_stopped(const std::string& name) const {
  const Definition definition = TRY(find(name));
  if (definition->target != storage::ConnectorTarget::Stopped)
    return Error{ErrorCode::ObjectState,
                 fmt::format("connector {} must be STOPPED before its offsets change", name),
                 {},
                 fmt::format("STOP CONNECTOR {} stops it.", name)};
  return definition;
}

Status NativeConnectors::store(const std::string& name, const Definition& old,
                               const Definition& now) {
  std::promise<Status> done;
  definitions_.submit(
      [&](const storage::Connectors& all) -> Result<std::vector<storage::ConnectorChange>> {
        const auto found = all.find(name);
        const Definition present = found == all.end() ? nullptr : found->second;
        const bool is_as_read = old && present ? *old == *present : old == present;
        if (is_as_read) return std::vector<storage::ConnectorChange>{{name, now}};
        if (!old) return exists_already(name);
        if (!present) return no_connector(name, all);
        return Error{ErrorCode::ObjectState,
                     fmt::format("another node has changed connector {} at the same time", name),
                     {},
                     "Repeat the statement."};
      },
      [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

// Declares the stream of a source unless it exists. It may exist, because DROP CONNECTOR keeps the
// stream for a connector that is created again with the same name.
Status NativeConnectors::declare(const DeclaredStream& stream, const std::string& connector,
                                 Declarations& declared, std::vector<ConnectorNotice>& notices) {
  const std::string name = engine::source_name_of(connector);
  const MetadataImagePtr image = definitions_.image();
  const engine::DataSource* existing = image->catalog->find_source(name);
  const std::string shown = engine::display_name(name);
  if (existing != nullptr && existing->topic == stream.topic) {
    notices.push_back(
        {false, fmt::format("stream {} over topic {} exists already", shown, stream.topic), {}});
    return {};
  }
  std::string quoted = "`";
  for (const char c : name) quoted += c == '`' ? std::string("``") : std::string(1, c);
  TRY(declared.declare_stream(quoted + "`", stream.columns, stream.topic, stream.value_format));
  notices.push_back({false, fmt::format("declared STREAM {}", shown), {}});
  return {};
}

int32_t NativeConnectors::partitions_of_topics(const engine::PropertyValues& values) const {
  constexpr std::string_view kPartitions = "topic.creation.default.partitions";
  return values.find(kPartitions) ? static_cast<int32_t>(values.number(kPartitions))
                                  : settings_.partitions_of_new_topic;
}

Status NativeConnectors::make_topics(const SourcePlan& plan, const UsableConfig& usable,
                                     Declarations& declared) const {
  const engine::PropertyValues& values = usable.values;
  const int32_t partitions = partitions_of_topics(values);
  // Topics whose names depend on the times of records are not created here: the task creates them
  // when it needs them.
  const bool has_known_topics = !usable.transforms->routes_by_time();
  for (const std::string& planned : has_known_topics ? plan.topics : std::vector<std::string>())
    for (const std::string& topic : usable.transforms->topics_of(planned))
      TRY(declared.make_topic(topic, partitions));
  const std::string letters = values.text("errors.deadletterqueue.topic.name");
  if (letters.empty()) return {};
  return declared.make_topic(letters, 1);
}

Result<CreatedConnector> NativeConnectors::create(const ConnectorDefinition& wanted) {
  constexpr size_t kMostNameBytes = 200;
  if (wanted.name.empty() || wanted.name.size() > kMostNameBytes)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("the name of a connector has 1 to {} bytes", kMostNameBytes)};
  if (const auto existing = find(wanted.name)) {
    if (wanted.if_exists == IfConnectorExists::Replace) return replace(*existing, wanted.config);
    if (wanted.if_exists == IfConnectorExists::Keep)
      return CreatedConnector{info_of(**existing), false, {}};
    return exists_already(wanted.name);
  }
  UsableConfig usable =
      TRY(usable_config(families_, settings_.secrets, wanted.name, wanted.config, wanted.type));
  TRY(host_.check(*usable.of, usable.values));
  const bool is_sink = usable.of->type == engine::ConnectorType::Sink;
  SourcePlan plan;
  if (is_sink)
    TRY(check_new_sink(usable, wanted.name, wanted.owner));
  else
    plan = TRY(
        usable.family->plan_source(*usable.of, usable.values, owner_of(wanted.name, wanted.owner)));
  auto definition = std::make_shared<storage::ConnectorDefinition>();
  definition->name = wanted.name;
  definition->id = Uuid::random();
  definition->owner = wanted.owner;
  definition->target = stored_target(wanted.initial_state);
  definition->config = wanted.config;

  Declarations declared(definitions_, wanted.owner.empty() ? Asker() : Asker(wanted.owner));
  TRY(declared.make_state_topic());
  TRY(make_topics(plan, usable, declared));
  std::vector<ConnectorNotice> notices = std::move(usable.notices);
  notices.insert(notices.end(), plan.notices.begin(), plan.notices.end());
  // The commit of the new connector also deletes records of __connect_state that a dropped
  // connector with the same name has left. Such records remain if the server crashes during DROP
  // CONNECTOR.
  std::vector<StateChange> state = TRY(deletions(wanted.name, {}));
  if (plan.stream) {
    TRY(declare(*plan.stream, wanted.name, declared, notices));
    state.push_back({engine::table_key(wanted.name, wanted.name, 1),
                     engine::JsonObjectText()
                         .json("columns", engine::row_columns_json(plan.stream->written))
                         .text("connector", definition->id.to_string())
                         .take()});
  }
  const bool is_fenced = host_.requires_fence();
  if (!is_fenced) TRY(write_state(*definition, std::move(state)));
  if (usable.family->name() == kWebhookFamily)
    notices.push_back({false,
                       fmt::format("POST http://{}/webhooks/{} sends records to the connector",
                                   worker_id_, wanted.name),
                       {}});
  TRY(store(wanted.name, nullptr, definition));
  // Another node may create a connector of this name at the same time. So only the node whose
  // definition is stored writes the state. No node starts the task before.
  if (is_fenced) TRY(write_fenced_state(definition, std::move(state)));
  declared.keep();
  log_info("connector created name={} class={}", wanted.name, usable.of->name);
  start_tasks(definition);
  return CreatedConnector{info_of(*definition), true, std::move(notices)};
}

Status NativeConnectors::write_fenced_state(const Definition& definition,
                                            std::vector<StateChange> changes) {
  std::ranges::move(TRY(host_.fence(*definition)), std::back_inserter(changes));
  if (const Status written = write_state(*definition, std::move(changes)); !written) {
    if (const Status undone = store(definition->name, definition, nullptr); !undone)
      log_warn("a failed CREATE CONNECTOR leaves a connector behind name={} error=\"{}\"",
               definition->name, undone.error().message);
    return written.error();
  }
  host_.refresh();
  return {};
}

}  // namespace server
