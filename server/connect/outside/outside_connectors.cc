#include "server/connect/outside/outside_connectors.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/json/json_writer.h"
#include "server/connect/outside/connect_replies.h"

namespace server {

namespace {

constexpr std::string_view kClassProperty = "connector.class";

std::string path_of(std::string_view name, std::string_view rest = {}) {
  return fmt::format("/connectors/{}{}", percent_encoded(name), rest);
}

std::string class_in(const ConnectorConfig& config) {
  const auto found = config.find(std::string(kClassProperty));
  return found == config.end() ? std::string() : found->second;
}

Error not_outside(std::string_view what, std::string hint) {
  return {ErrorCode::NotSupported,
          fmt::format("{} of an outside Kafka Connect cluster", what),
          {},
          std::move(hint)};
}

std::string changes_json(const Connectors::ConfigChanges& changes) {
  engine::JsonWriter json;
  json.begin_object();
  for (const auto& [name, value] : changes) {
    json.key(name);
    value ? json.text(*value) : json.null();
  }
  json.end_object();
  return json.take();
}

}  // namespace

void OutsideConnectors::ask(Request request, Done<ConnectReply> done) {
  client_.ask(
      std::move(request.method), std::move(request.path), std::move(request.body),
      [connector = std::move(request.connector), class_name = std::move(request.class_name),
       done = std::move(done)](Result<ConnectReply> reply) {
        if (reply && !reply->is_success())
          return done(connect_error(reply->status, reply->message(), connector, class_name));
        done(std::move(reply));
      });
}

template <class T>
void OutsideConnectors::ask_for(Request request, std::function<T(const engine::JsonTree&)> convert,
                                Done<T> done) {
  ask(std::move(request),
      [convert = std::move(convert), done = std::move(done)](Result<ConnectReply> reply) {
        if (!reply) return done(std::move(reply).error());
        done(convert(reply->body));
      });
}

void OutsideConnectors::ask_status(Request request, Done<void> done) {
  ask(std::move(request), [done = std::move(done)](Result<ConnectReply> reply) {
    if (!reply) return done(std::move(reply).error());
    done({});
  });
}

void OutsideConnectors::ask_then_describe(Request request, std::string name,
                                          Done<CreatedConnector> done) {
  ask(std::move(request),
      [this, name = std::move(name), done = std::move(done)](Result<ConnectReply> reply) {
        if (!reply) return done(std::move(reply).error());
        CreatedConnector created;
        created.is_new = reply->status == 201;
        read_definition(reply->body, created.info);
        created.info.name = name;
        created.info.runs_at = url();
        // An error of describe() is ignored: a worker that has just created a connector may not know the
        // connector's state and tasks yet. In this case the answer contains only the definition.
        describe(name, [created = std::move(created), done](Result<ConnectorInfo> info) mutable {
          if (info) created.info = *std::move(info);
          done(std::move(created));
        });
      });
}

void OutsideConnectors::create(ConnectorDefinition definition, Done<CreatedConnector> done) {
  const std::string name = definition.name, class_name = class_in(definition.config);
  // PUT .../config creates the connector or replaces its configuration.
  if (definition.if_exists == IfConnectorExists::Replace)
    return ask_then_describe(
        {"PUT", path_of(name, "/config"), config_json(definition.config), name, class_name}, name,
        std::move(done));
  const bool keeps = definition.if_exists == IfConnectorExists::Keep;
  ask_then_describe(
      {"POST", "/connectors", create_json(definition), name, class_name}, name,
      [this, name, keeps, done = std::move(done)](Result<CreatedConnector> created) {
        if (created || !keeps || created.error().code != ErrorCode::DuplicateObject)
          return done(std::move(created));
        describe(name, [done](Result<ConnectorInfo> info) {
          if (!info) return done(std::move(info).error());
          done(CreatedConnector{.info = *std::move(info), .is_new = false, .notices = {}});
        });
      });
}

void OutsideConnectors::alter(std::string name, ConnectorConfig config,
                              Done<CreatedConnector> done) {
  // describe() checks that the connector exists, because PUT would create a missing one.
  describe(name, [this, name, config = std::move(config),
                  done = std::move(done)](Result<ConnectorInfo> info) {
    if (!info) return done(std::move(info).error());
    ask_then_describe(
        {"PUT", path_of(name, "/config"), config_json(config), name, class_in(config)}, name, done);
  });
}

void OutsideConnectors::change(std::string name, ConfigChanges changes,
                               Done<CreatedConnector> done) {
  ask_then_describe({"PATCH", path_of(name, "/config"), changes_json(changes), name}, name,
                    std::move(done));
}

void OutsideConnectors::drop(std::string name, Done<std::vector<ConnectorNotice>> done) {
  ask_status({"DELETE", path_of(name), {}, name}, [done = std::move(done)](Status status) {
    if (!status) return done(std::move(status).error());
    done(std::vector<ConnectorNotice>());
  });
}

void OutsideConnectors::set_state(std::string name, TargetState target, Done<void> done) {
  const std::string_view verb = target == TargetState::Running  ? "/resume"
                                : target == TargetState::Paused ? "/pause"
                                                                : "/stop";
  ask_status({"PUT", path_of(name, verb), {}, name}, std::move(done));
}

void OutsideConnectors::restart(std::string name, Restart what, Done<ConnectorInfo> done) {
  const std::string query =
      fmt::format("/restart?includeTasks={}&onlyFailed={}", what.includes_tasks, what.only_failed);
  ask({"POST", path_of(name, query), {}, name},
      [this, name, done = std::move(done)](Result<ConnectReply> reply) {
        if (!reply) return done(std::move(reply).error());
        describe(name, done);
      });
}

void OutsideConnectors::restart_task(std::string name, int32_t task, Done<void> done) {
  ask({"POST", path_of(name, fmt::format("/tasks/{}/restart", task)), {}, name},
      [name, task, done = std::move(done)](Result<ConnectReply> reply) {
        if (reply) return done({});
        Error error = std::move(reply).error();
        if (error.code == ErrorCode::UndefinedObject)
          error.message = fmt::format("task {} of connector {} does not exist", task, name);
        done(std::move(error));
      });
}

void OutsideConnectors::list(Done<Listed<ConnectorInfo>> done) {
  ask_for<Listed<ConnectorInfo>>(
      {"GET", "/connectors?expand=status&expand=info"},
      [this](const engine::JsonTree& body) {
        Listed<ConnectorInfo> listed{connectors_in(body), {}};
        for (ConnectorInfo& each : listed.items) each.runs_at = url();
        return listed;
      },
      std::move(done));
}

void OutsideConnectors::describe(std::string name, Done<ConnectorInfo> done) {
  ask({"GET", path_of(name), {}, name}, [this, name,
                                         done = std::move(done)](Result<ConnectReply> definition) {
    if (!definition) return done(std::move(definition).error());
    auto info = std::make_shared<ConnectorInfo>();
    read_definition(definition->body, *info);
    info->runs_at = url();
    ask({"GET", path_of(name, "/status"), {}, name}, [this, name, info,
                                                      done](Result<ConnectReply> status) {
      // UndefinedObject is not an error here: a new connector has no status until a worker begins
      // to run it.
      if (!status && status.error().code != ErrorCode::UndefinedObject)
        return done(std::move(status).error());
      if (status) read_status(status->body, *info);
      // An error is ignored, because the cluster may be configured not to record topics.
      ask({"GET", path_of(name, "/topics"), {}, name}, [info, done](Result<ConnectReply> topics) {
        if (topics) info->topics = topics_in(topics->body);
        done(std::move(*info));
      });
    });
  });
}

void OutsideConnectors::tasks(std::string name, Done<Listed<TaskProgress>> done) {
  const auto progress_of = [](const std::vector<ConnectorInfo>& connectors) {
    Listed<TaskProgress> listed;
    for (const ConnectorInfo& connector : connectors)
      for (const ConnectorTask& task : connector.tasks) {
        TaskProgress progress;
        progress.connector = connector.name;
        progress.task = task;
        listed.items.push_back(std::move(progress));
      }
    return listed;
  };
  if (name.empty())
    return list([progress_of, done = std::move(done)](Result<Listed<ConnectorInfo>> connectors) {
      if (!connectors) return done(std::move(connectors).error());
      done(progress_of(connectors->items));
    });
  describe(name, [this, name, progress_of, done = std::move(done)](Result<ConnectorInfo> info) {
    if (!info) return done(std::move(info).error());
    Listed<TaskProgress> listed = progress_of({*std::move(info)});
    ask({"GET", path_of(name, "/tasks"), {}, name},
        [listed = std::move(listed), done](Result<ConnectReply> reply) mutable {
          if (!reply) return done(std::move(reply).error());
          for (const engine::JsonTree& task : reply->body.items)
            if (const engine::JsonTree* id = task.find("id"), *config = task.find("config");
                id && config && id->find("task"))
              for (TaskProgress& progress : listed.items)
                if (std::to_string(progress.task.id) == id->find("task")->text)
                  progress.config = config_in(*config);
          done(std::move(listed));
        });
  });
}

void OutsideConnectors::reset_topics(std::string name, Done<void> done) {
  ask_status({"PUT", path_of(name, "/topics/reset"), {}, name}, std::move(done));
}

void OutsideConnectors::offsets(std::string name, Done<std::vector<ConnectorOffset>> done) {
  ask_for<std::vector<ConnectorOffset>>({"GET", path_of(name, "/offsets"), {}, name}, offsets_in,
                                        std::move(done));
}

void OutsideConnectors::alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                                      Done<std::string> done) {
  ask_for<std::string>(
      {"PATCH", path_of(name, "/offsets"), offsets_json(offsets), name},
      [](const engine::JsonTree& body) { return body.text_of("message"); }, std::move(done));
}

void OutsideConnectors::reset_offsets(std::string name, Done<std::string> done) {
  ask_for<std::string>(
      {"DELETE", path_of(name, "/offsets"), {}, name},
      [](const engine::JsonTree& body) { return body.text_of("message"); }, std::move(done));
}

void OutsideConnectors::snapshot(std::string /*name*/, std::vector<std::string> /*tables*/,
                                 Done<void> done) {
  done(not_outside("SNAPSHOT is not available for a connector",
                   "Debezium's connectors take a snapshot when a row is written to their signal "
                   "table."));
}

void OutsideConnectors::set_owner(std::string /*name*/, std::string /*owner*/, Done<void> done) {
  done(not_outside("OWNER TO is not available for a connector",
                   "The connector acts with the credentials of its configuration and its worker."));
}

void OutsideConnectors::validate(ConnectorDefinition definition, Done<CheckedConfig> done) {
  const std::string class_name = class_in(definition.config);
  definition.config["name"] = definition.name;
  ask_for<CheckedConfig>(
      {"PUT", fmt::format("/connector-plugins/{}/config/validate", percent_encoded(class_name)),
       config_json(definition.config), definition.name, class_name},
      checked_config_in, std::move(done));
}

void OutsideConnectors::plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) {
  ask_for<Listed<ConnectorPlugin>>(
      {"GET", fmt::format("/connector-plugins?connectorsOnly={}", connectors_only)},
      [this](const engine::JsonTree& body) {
        Listed<ConnectorPlugin> listed{plugins_in(body), {}};
        for (ConnectorPlugin& each : listed.items) each.runs_at = url();
        return listed;
      },
      std::move(done));
}

void OutsideConnectors::plugin_properties(std::string class_name,
                                          Done<std::vector<PropertyDefinition>> done) {
  ask({"GET", fmt::format("/connector-plugins/{}/config", percent_encoded(class_name))},
      [class_name, done = std::move(done)](Result<ConnectReply> reply) {
        if (reply) return done(properties_in(reply->body));
        Error error = std::move(reply).error();
        if (error.code == ErrorCode::UndefinedObject)
          error = {ErrorCode::UndefinedObject,
                   fmt::format("class {} does not exist", class_name),
                   {},
                   "SHOW CONNECTOR PLUGINS lists the classes."};
        done(std::move(error));
      });
}

}  // namespace server
