#include "server/connect/connector_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/connect/secrets.h"

namespace server {

namespace {

Error no_such_connector(std::string_view name) {
  return {ErrorCode::UndefinedObject,
          fmt::format("connector {} does not exist", name),
          {},
          "SHOW CONNECTORS lists the connectors. Their names keep their case."};
}

void hide_secrets(ConnectorConfig& config) {
  for (auto& [name, value] : config) value = engine::shown_value(name, value);
}

bool is_hidden(std::string_view value) { return value.find(engine::kHiddenValue) != value.npos; }

// Returns whether the error of a Connectors implementation means that the connector does not exist
// there. A node of a cluster runs no connectors itself, and answers with NotSupported.
bool has_none(const Error& error) {
  return error.code == ErrorCode::UndefinedObject || error.code == ErrorCode::NotSupported;
}

// Wraps `done` so that it gets the connector without the secrets of its configuration.
Connectors::Done<ConnectorInfo> hidden(Connectors::Done<ConnectorInfo> done) {
  return [done = std::move(done)](Result<ConnectorInfo> info) {
    if (info) hide_secrets(info->config);
    done(std::move(info));
  };
}

// Wraps `done` so that it gets the connector without the secrets of its configuration, and with a
// warning if the configuration contains secrets as literals.
Connectors::Done<CreatedConnector> hidden(Connectors::Done<CreatedConnector> done) {
  return [done = std::move(done)](Result<CreatedConnector> created) {
    if (created) {
      const bool has_literal = std::ranges::any_of(created->info.config, [](const auto& property) {
        return engine::is_literal_secret(property.first, property.second);
      });
      // For connectors in this server, notices that name the properties were added before.
      if (has_literal && created->info.runs_at != kThisServer)
        created->notices.push_back(
            {true,
             fmt::format(
                 "the password of connector {} is kept readable in the Kafka Connect cluster",
                 created->info.name),
             "${file:...} keeps it outside."});
      hide_secrets(created->info.config);
    }
    done(std::move(created));
  };
}

Error no_outside_cluster() {
  return {ErrorCode::NotSupported,
          "this server has no Kafka Connect cluster for \"runs\" = 'outside'",
          {},
          "Start the server with --connect-url and the address of the cluster."};
}

std::string value_of(const ConnectorConfig& config, const std::string& name) {
  const auto found = config.find(name);
  return found == config.end() ? std::string() : found->second;
}

// Returns the value of a property as text; null if a change removes the property.
std::string* text_of(std::string& value) { return &value; }
std::string* text_of(std::optional<std::string>& value) { return value ? &*value : nullptr; }

// Answers hide each secret of a configuration by a fixed text (engine::kHiddenValue). A client that
// changes such a configuration sends that text back. Replaces it by the present value of the
// property; fails if the property has no present value.
template <class Config>
Status restore_hidden(const std::string& name, const ConnectorConfig& present, Config& config) {
  for (auto& [key, value] : config) {
    std::string* const text = text_of(value);
    if (!text || !is_hidden(*text)) continue;
    const std::string known = value_of(present, key);
    if (engine::shown_value(key, known) != *text)
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("property \"{}\" of connector {} has the value \"{}\"", key, name, *text),
          "Answers show this text instead of a secret, and the connector has no such secret.",
          "Set the value itself."};
    *text = known;
  }
  return {};
}

// Calls `then` with the configuration after restore_hidden(). Requests the present configuration
// from `at` only if hidden values occur.
template <class Config>
void with_secrets(Connectors& at, const std::string& name, Config config,
                  const Connectors::Done<CreatedConnector>& done,
                  std::function<void(Config)> then) {
  const bool has_hidden = std::ranges::any_of(config, [](auto& item) {
    const std::string* const text = text_of(item.second);
    return text && is_hidden(*text);
  });
  if (!has_hidden) return then(std::move(config));
  at.describe(name, [name, config = std::move(config), then = std::move(then),
                     done](Result<ConnectorInfo> found) mutable {
    if (!found && found.error().code != ErrorCode::UndefinedObject)
      return done(std::move(found).error());
    Status restored = restore_hidden(name, found ? found->config : ConnectorConfig(), config);
    if (!restored) return done(std::move(restored).error());
    then(std::move(config));
  });
}

// Fails if the statement has the word SINK for a class of sources, or the word SOURCE for a class
// of sinks.
Status check_type(std::string_view class_name, engine::ConnectorType type) {
  using engine::ConnectorType;
  if (type == ConnectorType::Unknown || engine::find_connector_class(class_name, type)) return {};
  const engine::ConnectorClass* other = engine::find_connector_class(class_name);
  if (!other) return {};
  const std::string_view is = engine::connector_type_name(other->type);
  return Error{ErrorCode::InvalidParameter,
               fmt::format("class {} is a {} connector", class_name, is),
               {},
               fmt::format("Use CREATE {} CONNECTOR.",
                           other->type == ConnectorType::Source ? "SOURCE" : "SINK")};
}

// Returns the error about a class that is not built in. If the class is to read a database other than PostgreSQL, the
// built-in class for PostgreSQL is no replacement.
Error with_hint_for_database(Error error, std::string_view url, bool has_outside) {
  constexpr std::string_view kJdbc = "jdbc:";
  if (!url.starts_with(kJdbc) || url.starts_with("jdbc:postgresql:")) return error;
  const std::string_view rest = url.substr(kJdbc.size());
  error.hint = fmt::format(
      "This server has no connector for {}. A Kafka Connect cluster can run this class: {}add "
      "\"runs\" = 'outside'.",
      rest.substr(0, rest.find(':')),
      has_outside ? ""
                  : "start the server with --connect-url and the address of its workers, and ");
  return error;
}

}  // namespace

Result<Connectors*> ConnectorRouter::place_of(ConnectorDefinition& definition) const {
  const std::string class_name = value_of(definition.config, "connector.class");
  if (class_name.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("connector {} has no property connector.class", definition.name),
                 {},
                 "SHOW CONNECTOR PLUGINS lists the classes."};
  const std::string runs = value_of(definition.config, "runs");
  if (!runs.empty() && runs != "outside")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("property \"runs\" of connector {} has the value \"{}\"",
                             definition.name, runs),
                 {},
                 "Its only value is 'outside', for a Kafka Connect cluster. Without the property "
                 "this server "
                 "runs the classes that are built in."};
  TRY(check_type(class_name, definition.type));
  definition.config.erase("runs");
  const engine::ConnectorClass* row = engine::find_connector_class(class_name, definition.type);
  if (row && row->is_short() && !runs.empty())
    return engine::class_is_not_built_in(class_name, true);
  if (!runs.empty()) return outside_ ? Result<Connectors*>(outside_) : no_outside_cluster();
  if (row && row->support == engine::ClassSupport::BuiltIn && native_) return native_;
  const bool is_refused = row && row->support == engine::ClassSupport::Refused;
  if (is_refused || !outside_ || (row && row->is_short()))
    return with_hint_for_database(engine::class_is_not_built_in(class_name, outside_ != nullptr),
                                  value_of(definition.config, "connection.url"),
                                  outside_ != nullptr);
  return outside_;
}

void ConnectorRouter::find(const std::string& name, std::function<void(Result<Connectors*>)> then) {
  if (!native_ && !outside_) return then(no_such_connector(name));
  if (!native_) return then(outside_);
  native_->describe(name, [this, name, then = std::move(then)](Result<ConnectorInfo> found) {
    if (found) return then(native_);
    if (!has_none(found.error())) return then(std::move(found).error());
    if (!outside_ && !found.error().hint.empty() &&
        found.error().code == ErrorCode::UndefinedObject)
      return then(std::move(found).error());
    if (!outside_) return then(no_such_connector(name));
    then(outside_);
  });
}

template <class Method, class T, class... Arguments>
void ConnectorRouter::forward(Method method, std::string name, Done<T> done,
                              Arguments... arguments) {
  find(name, [method, name, done = std::move(done),
              ... arguments = std::move(arguments)](Result<Connectors*> place) {
    if (!place) return done(std::move(place).error());
    ((*place)->*method)(name, arguments..., done);
  });
}

template <class Config>
void ConnectorRouter::update(void (Connectors::*method)(std::string, Config,
                                                        Done<CreatedConnector>),
                             std::string name, Config config, Done<CreatedConnector> done) {
  find(name, [method, name, config = std::move(config),
              done = hidden(std::move(done))](Result<Connectors*> place) {
    if (!place) return done(std::move(place).error());
    with_secrets<Config>(**place, name, config, done,
                         [at = *place, method, name, done](Config known) {
                           (at->*method)(name, std::move(known), done);
                         });
  });
}

void ConnectorRouter::create(ConnectorDefinition definition, Done<CreatedConnector> done) {
  Result<Connectors*> place = place_of(definition);
  if (!place) return done(std::move(place).error());
  done = hidden(std::move(done));
  Connectors* const other = *place == native_ ? outside_ : native_;
  if (!other) return create_at(**place, std::move(definition), std::move(done));
  const std::string name = definition.name;
  other->describe(name, [this, place = *place, is_outside = other == outside_,
                         definition = std::move(definition),
                         done = std::move(done)](Result<ConnectorInfo> found) mutable {
    if (found && definition.if_exists == IfConnectorExists::Keep)
      return done(CreatedConnector{.info = *std::move(found), .is_new = false, .notices = {}});
    if (found)
      return done(Error{ErrorCode::DuplicateObject,
                        fmt::format("connector {} already exists", definition.name),
                        fmt::format("It runs at {}.", found->runs_at)});
    // A connector in this server can be created although the outside cluster does not answer and
    // may have a connector with the same name.
    if (!has_none(found.error()) && !is_outside) return done(std::move(found).error());
    create_at(*place, std::move(definition), std::move(done));
  });
}

void ConnectorRouter::create_at(Connectors& at, ConnectorDefinition definition,
                                Done<CreatedConnector> done) {
  if (definition.if_exists != IfConnectorExists::Replace)
    return at.create(std::move(definition), std::move(done));
  with_secrets<ConnectorConfig>(at, definition.name, definition.config, done,
                                [&at, definition, done](ConnectorConfig known) {
                                  ConnectorDefinition complete = definition;
                                  complete.config = std::move(known);
                                  at.create(std::move(complete), done);
                                });
}

void ConnectorRouter::alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) {
  config.erase("runs");
  update(&Connectors::alter, std::move(name), std::move(config), std::move(done));
}

void ConnectorRouter::change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) {
  update(&Connectors::change, std::move(name), std::move(changes), std::move(done));
}

void ConnectorRouter::drop(std::string name, Done<std::vector<ConnectorNotice>> done) {
  forward(&Connectors::drop, std::move(name), std::move(done));
}

void ConnectorRouter::set_state(std::string name, TargetState target, Done<void> done) {
  forward(&Connectors::set_state, std::move(name), std::move(done), target);
}

void ConnectorRouter::restart(std::string name, Restart what, Done<ConnectorInfo> done) {
  forward(&Connectors::restart, std::move(name), hidden(std::move(done)), what);
}

void ConnectorRouter::restart_task(std::string name, int32_t task, Done<void> done) {
  forward(&Connectors::restart_task, std::move(name), std::move(done), task);
}

template <class T>
void ConnectorRouter::ask_both(std::function<void(Connectors&, Done<Listed<T>>)> ask,
                               Done<Listed<T>> done) {
  if (!native_ && !outside_) return done(Listed<T>());
  if (!native_ || !outside_) return ask(native_ ? *native_ : *outside_, std::move(done));
  ask(*native_, [this, ask, done = std::move(done)](Result<Listed<T>> here) {
    if (!here && here.error().code == ErrorCode::NotSupported) return ask(*outside_, done);
    if (!here) return done(std::move(here));
    auto joined = std::make_shared<Listed<T>>(*std::move(here));
    ask(*outside_, [joined, done](Result<Listed<T>> there) {
      if (there) {
        std::ranges::move(there->items, std::back_inserter(joined->items));
        std::ranges::move(there->notices, std::back_inserter(joined->notices));
      } else {
        joined->notices.push_back({true, there.error().message, there.error().hint});
      }
      done(std::move(*joined));
    });
  });
}

void ConnectorRouter::list(Done<Listed<ConnectorInfo>> done) {
  ask_both<ConnectorInfo>(
      [](Connectors& at, Done<Listed<ConnectorInfo>> then) { at.list(std::move(then)); },
      [done = std::move(done)](Result<Listed<ConnectorInfo>> listed) {
        if (listed) {
          std::ranges::sort(listed->items, {}, &ConnectorInfo::name);
          for (ConnectorInfo& each : listed->items) hide_secrets(each.config);
        }
        done(std::move(listed));
      });
}

void ConnectorRouter::describe(std::string name, Done<ConnectorInfo> done) {
  forward(&Connectors::describe, std::move(name), hidden(std::move(done)));
}

void ConnectorRouter::tasks(std::string name, Done<Listed<TaskProgress>> done) {
  const Done<Listed<TaskProgress>> shown =
      [done = std::move(done)](Result<Listed<TaskProgress>> listed) {
        if (listed)
          for (TaskProgress& each : listed->items) hide_secrets(each.config);
        done(std::move(listed));
      };
  if (!name.empty()) return forward(&Connectors::tasks, std::move(name), shown);
  ask_both<TaskProgress>(
      [](Connectors& at, Done<Listed<TaskProgress>> then) { at.tasks({}, std::move(then)); },
      shown);
}

void ConnectorRouter::reset_topics(std::string name, Done<void> done) {
  forward(&Connectors::reset_topics, std::move(name), std::move(done));
}

void ConnectorRouter::offsets(std::string name, Done<std::vector<ConnectorOffset>> done) {
  forward(&Connectors::offsets, std::move(name), std::move(done));
}

void ConnectorRouter::alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                                    Done<std::string> done) {
  forward(&Connectors::alter_offsets, std::move(name), std::move(done), std::move(offsets));
}

void ConnectorRouter::reset_offsets(std::string name, Done<std::string> done) {
  forward(&Connectors::reset_offsets, std::move(name), std::move(done));
}

void ConnectorRouter::snapshot(std::string name, std::vector<std::string> tables, Done<void> done) {
  forward(&Connectors::snapshot, std::move(name), std::move(done), std::move(tables));
}

void ConnectorRouter::set_owner(std::string name, std::string owner, Done<void> done) {
  forward(&Connectors::set_owner, std::move(name), std::move(done), std::move(owner));
}

void ConnectorRouter::validate(ConnectorDefinition definition, Done<CheckedConfig> done) {
  Result<Connectors*> place = place_of(definition);
  if (!place) return done(std::move(place).error());
  (*place)->validate(std::move(definition),
                     [done = std::move(done)](Result<CheckedConfig> checked) {
                       if (checked)
                         for (CheckedProperty& each : checked->properties)
                           if (each.value)
                             each.value = engine::shown_value(each.definition.name, *each.value);
                       done(std::move(checked));
                     });
}

void ConnectorRouter::plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) {
  ask_both<ConnectorPlugin>(
      [connectors_only](Connectors& at, Done<Listed<ConnectorPlugin>> then) {
        at.plugins(connectors_only, std::move(then));
      },
      std::move(done));
}

void ConnectorRouter::plugin_properties(std::string class_name,
                                        Done<std::vector<PropertyDefinition>> done) {
  ConnectorDefinition definition;
  definition.config["connector.class"] = class_name;
  Result<Connectors*> place = place_of(definition);
  if (!place) return done(std::move(place).error());
  (*place)->plugin_properties(std::move(class_name), std::move(done));
}

}  // namespace server
