#include "server/http/connect/connect_pages.h"

#include <charconv>
#include <optional>
#include <utility>

#include "engine/json/json_writer.h"
#include "server/http/connect/connect_json.h"

namespace server::http {

namespace {

// The version of Kafka Connect whose API the server implements.
constexpr std::string_view kConnectVersion = "4.3.0";

// Returns a handler that checks the user's right and answers later.
using ConnectPage = std::function<void(Connectors&, const Request&, ResponseDone)>;

// Returns a callback that answers with `make` of the result, or with the error.
template <class T, class Make>
Connectors::Done<T> answer_of(ResponseDone done, Make make) {
  return [done = std::move(done), make = std::move(make)](Result<T> result) {
    if (!result) return done(connect_failure(result.error()));
    if constexpr (std::is_void_v<T>)
      done(make());
    else
      done(make(*result));
  };
}

Connectors::Done<void> no_content(ResponseDone done, int status = 204) {
  return answer_of<void>(std::move(done), [status] { return json_response("", status); });
}

bool is_set(const Request& request, std::string_view name, bool otherwise = false) {
  const auto value = query_value(request.query, name);
  return value ? *value == "true" : otherwise;
}

const std::string& name_of(const Request& request) { return request.path_parameters[0]; }

std::optional<int32_t> task_of(const Request& request) {
  const std::string& text = request.path_parameters[1];
  int32_t task = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), task);
  if (error != std::errc{} || end != text.data() + text.size() || task < 0) return std::nullopt;
  return task;
}

Response no_such_task(const Request& request) {
  return connect_failure(404, "task " + request.path_parameters[1] + " of connector " +
                                  name_of(request) + " does not exist");
}

void list(Connectors& connectors, const Request& request, ResponseDone done) {
  bool expands_status = false, expands_info = false;
  for (const std::string& part : query_values(request.query, "expand")) {
    expands_status = expands_status || part == "status";
    expands_info = expands_info || part == "info";
  }
  connectors.list(answer_of<Listed<ConnectorInfo>>(
      std::move(done), [expands_status, expands_info](const Listed<ConnectorInfo>& listed) {
        return json_response(connectors_json(listed.items, expands_status, expands_info));
      }));
}

void create(Connectors& connectors, const Request& request, ResponseDone done) {
  auto definition = definition_in(request.body);
  if (!definition) return done(connect_failure(definition.error()));
  if (request.has_rights_of_user) definition->owner = request.user;
  connectors.create(*std::move(definition),
                    answer_of<CreatedConnector>(std::move(done), [](const CreatedConnector& made) {
                      return json_response(connector_json(made.info), 201);
                    }));
}

void describe(Connectors& connectors, const Request& request, ResponseDone done,
              std::function<std::string(const ConnectorInfo&)> body) {
  connectors.describe(name_of(request),
                      answer_of<ConnectorInfo>(std::move(done),
                                               [body = std::move(body)](const ConnectorInfo& info) {
                                                 return json_response(body(info));
                                               }));
}

// PUT .../config creates the connector or replaces its configuration.
void put_config(Connectors& connectors, const Request& request, ResponseDone done) {
  auto config = config_in_body(request.body);
  if (!config) return done(connect_failure(config.error()));
  ConnectorDefinition definition;
  definition.name = name_of(request);
  definition.config = *std::move(config);
  definition.if_exists = IfConnectorExists::Replace;
  if (request.has_rights_of_user) definition.owner = request.user;
  connectors.create(std::move(definition),
                    answer_of<CreatedConnector>(std::move(done), [](const CreatedConnector& made) {
                      return json_response(connector_json(made.info), made.is_new ? 201 : 200);
                    }));
}

void patch_config(Connectors& connectors, const Request& request, ResponseDone done) {
  auto changes = config_changes_in(request.body);
  if (!changes) return done(connect_failure(changes.error()));
  connectors.change(name_of(request), *std::move(changes),
                    answer_of<CreatedConnector>(std::move(done), [](const CreatedConnector& made) {
                      return json_response(connector_json(made.info));
                    }));
}

void drop(Connectors& connectors, const Request& request, ResponseDone done) {
  connectors.drop(name_of(request),
                  answer_of<std::vector<ConnectorNotice>>(
                      std::move(done), [](const auto&) { return json_response("", 204); }));
}

void restart(Connectors& connectors, const Request& request, ResponseDone done) {
  const Connectors::Restart what{is_set(request, "includeTasks"), is_set(request, "onlyFailed")};
  // Kafka Connect includes the connector's state in the answer only if the request names tasks.
  const bool shows_state = what.includes_tasks || what.only_failed;
  connectors.restart(name_of(request), what,
                     answer_of<ConnectorInfo>(std::move(done), [shows_state](const auto& info) {
                       return shows_state ? json_response(status_json(info), 202)
                                          : json_response("", 204);
                     }));
}

void restart_task(Connectors& connectors, const Request& request, ResponseDone done) {
  const auto task = task_of(request);
  if (!task) return done(no_such_task(request));
  connectors.restart_task(name_of(request), *task, no_content(std::move(done)));
}

void task_status(Connectors& connectors, const Request& request, ResponseDone done) {
  connectors.describe(name_of(request), answer_of<ConnectorInfo>(
                                            std::move(done), [request](const ConnectorInfo& info) {
                                              const auto id = task_of(request);
                                              for (const ConnectorTask& task : info.tasks)
                                                if (task.id == id)
                                                  return json_response(task_status_json(task));
                                              return no_such_task(request);
                                            }));
}

void patch_offsets(Connectors& connectors, const Request& request, ResponseDone done) {
  auto offsets = offsets_in_body(request.body);
  if (!offsets) return done(connect_failure(offsets.error()));
  connectors.alter_offsets(name_of(request), *std::move(offsets),
                           answer_of<std::string>(std::move(done), [](const std::string& message) {
                             return json_response(message_json(message));
                           }));
}

void validate(Connectors& connectors, const Request& request, ResponseDone done) {
  auto config = config_in_body(request.body);
  if (!config) return done(connect_failure(config.error()));
  ConnectorDefinition definition;
  definition.config = *std::move(config);
  if (const auto name = definition.config.find("name"); name != definition.config.end())
    definition.name = name->second;
  // As in Kafka Connect, the configuration may omit the class; the class in the path then applies.
  definition.config.try_emplace("connector.class", name_of(request));
  connectors.validate(std::move(definition),
                      answer_of<CheckedConfig>(std::move(done), [](const CheckedConfig& checked) {
                        return json_response(checked_config_json(checked));
                      }));
}

struct ConnectPageRow {
  const char *method, *path;
  ConnectPage page;
};

std::vector<ConnectPageRow> rows() {
  const auto set_state = [](TargetState target, int status) -> ConnectPage {
    return [target, status](Connectors& connectors, const Request& request, ResponseDone done) {
      connectors.set_state(name_of(request), target, no_content(std::move(done), status));
    };
  };
  const auto shown = [](std::string (*body)(const ConnectorInfo&)) -> ConnectPage {
    return [body](Connectors& connectors, const Request& request, ResponseDone done) {
      describe(connectors, request, std::move(done), body);
    };
  };
  return {
      {"GET", "/connectors", list},
      {"POST", "/connectors", create},
      {"GET", "/connectors/{c}", shown(connector_json)},
      {"DELETE", "/connectors/{c}", drop},
      {"GET", "/connectors/{c}/config",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         describe(connectors, request, std::move(done),
                  [](const ConnectorInfo& info) { return config_body(info.config); });
       }},
      {"PUT", "/connectors/{c}/config", put_config},
      {"PATCH", "/connectors/{c}/config", patch_config},
      {"GET", "/connectors/{c}/status", shown(status_json)},
      {"GET", "/connectors/{c}/topics", shown(topics_json)},
      {"PUT", "/connectors/{c}/topics/reset",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.reset_topics(name_of(request), no_content(std::move(done), 202));
       }},
      {"GET", "/connectors/{c}/tasks",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.tasks(name_of(request),
                          answer_of<Listed<TaskProgress>>(std::move(done), [](const auto& listed) {
                            return json_response(tasks_json(listed.items));
                          }));
       }},
      {"GET", "/connectors/{c}/tasks/{t}/status", task_status},
      {"POST", "/connectors/{c}/tasks/{t}/restart", restart_task},
      {"PUT", "/connectors/{c}/pause", set_state(TargetState::Paused, 202)},
      {"PUT", "/connectors/{c}/resume", set_state(TargetState::Running, 202)},
      {"PUT", "/connectors/{c}/stop", set_state(TargetState::Stopped, 204)},
      {"POST", "/connectors/{c}/restart", restart},
      {"GET", "/connectors/{c}/offsets",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.offsets(name_of(request), answer_of<std::vector<ConnectorOffset>>(
                                                  std::move(done), [](const auto& offsets) {
                                                    return json_response(offsets_body(offsets));
                                                  }));
       }},
      {"PATCH", "/connectors/{c}/offsets", patch_offsets},
      {"DELETE", "/connectors/{c}/offsets",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.reset_offsets(
             name_of(request),
             answer_of<std::string>(std::move(done), [](const std::string& message) {
               return json_response(message_json(message));
             }));
       }},
      {"GET", "/connector-plugins",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.plugins(
             is_set(request, "connectorsOnly", true),
             answer_of<Listed<ConnectorPlugin>>(std::move(done), [](const auto& listed) {
               return json_response(plugins_json(listed.items));
             }));
       }},
      {"GET", "/connector-plugins/{p}/config",
       [](Connectors& connectors, const Request& request, ResponseDone done) {
         connectors.plugin_properties(name_of(request),
                                      answer_of<std::vector<PropertyDefinition>>(
                                          std::move(done), [](const auto& properties) {
                                            return json_response(properties_json(properties));
                                          }));
       }},
      {"PUT", "/connector-plugins/{p}/config/validate", validate},
  };
}

Response plain_connect_refusal(int code, std::string_view message) {
  return connect_failure(code / 100, message);
}

}  // namespace

void add_connect_pages(Routes& routes, const ConnectView& view) {
  for (ConnectPageRow& row : rows())
    routes.add(
        {row.method, row.path,
         answer_later([view, page = std::move(row.page)](Request request, ResponseDone done) {
           if (const Status status = view.check(request); !status)
             return done(connect_failure(status.error()));
           page(view.connectors, request, std::move(done));
         })});
  // Kafka Connect's workers use these pages among themselves.
  const auto internal = answer_with(
      [](const Request&) { return connect_failure(404, "this page is not available"); });
  routes.add({"POST", "/connectors/{c}/tasks", internal});
  routes.add({"PUT", "/connectors/{c}/fence", internal});
}

Routes connect_routes(const ConnectView& view) {
  Routes routes(plain_connect_refusal);
  add_connect_pages(routes, view);
  engine::JsonWriter root;
  root.begin_object();
  root.member("version", kConnectVersion);
  root.member("commit", "millrace-" MILLRACE_VERSION);
  root.member("kafka_cluster_id", view.cluster_id);
  root.end_object();
  routes.add({"GET", "/",
              answer_with([body = root.take()](const Request&) { return json_response(body); })});
  routes.add({.method = "GET",
              .path = "/health",
              .handler = answer_with([](const Request&) {
                return json_response(
                    "{\"status\":\"healthy\",\"message\":\"Worker has completed startup and is "
                    "ready to handle requests.\"}");
              }),
              .is_public = true});
  return routes;
}

}  // namespace server::http
