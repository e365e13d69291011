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

// Whether the connectors of the place do not include the one that was asked for. A node of a cluster runs none, and
// answers with NotSupported.
bool has_none(const Error& error) {
  return error.code == ErrorCode::UndefinedObject || error.code == ErrorCode::NotSupported;
}

// Wraps a callback so that the result has no secrets.
Connectors::Done<ConnectorInfo> hidden(Connectors::Done<ConnectorInfo> done) {
  return [done = std::move(done)](Result<ConnectorInfo> info) {
    if (info) hide_secrets(info->config);
    done(std::move(info));
  };
}

// Wraps a callback so that the result has no secrets, and a warning if the configuration has literal ones.
Connectors::Done<CreatedConnector> hidden(Connectors::Done<CreatedConnector> done) {
  return [done = std::move(done)](Result<CreatedConnector> created) {
    if (created) {
      const bool has_literal = std::ranges::any_of(created->info.config, [](const auto& property) {
        return engine::is_literal_secret(property.first, property.second);
      });
      // Connectors of this server name the properties themselves.
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

// Fails if the statement has the word SINK for a class of sources, or the other way round.
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
    return engine::class_is_not_built_in(class_name, outside_ != nullptr);
  return outside_;
}

void ConnectorRouter::find(const std::string& name, std::function<void(Result<Connectors*>)> then) {
  if (!native_ && !outside_) return then(no_such_connector(name));
  if (!native_) return then(outside_);
  native_->describe(name, [this, name, then = std::move(then)](Result<ConnectorInfo> found) {
    if (found) return then(native_);
    if (!has_none(found.error())) return then(std::move(found).error());
    if (!outside_) return then(no_such_connector(name));
    then(outside_);
  });
}

template <class T, class Call>
void ConnectorRouter::forward(const std::string& name, Done<T> done, Call call) {
  find(name, [done = std::move(done), call = std::move(call)](Result<Connectors*> place) {
    if (!place) return done(std::move(place).error());
    call(**place, done);
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
    // A cluster that does not answer does not prevent a connector of this server.
    if (!has_none(found.error()) && !is_outside) return done(std::move(found).error());
    create_at(*place, std::move(definition), std::move(done));
  });
}

void ConnectorRouter::create_at(Connectors& at, ConnectorDefinition definition,
                                Done<CreatedConnector> done) {
  if (definition.if_exists != IfConnectorExists::Replace)
    return at.create(std::move(definition), std::move(done));
  const auto send = [definition, done](Connectors& place, ConnectorConfig known) {
    ConnectorDefinition complete = definition;
    complete.config = std::move(known);
    place.create(std::move(complete), done);
  };
  replace(at, definition.name, definition.config, send, done);
}

void ConnectorRouter::replace(Connectors& at, const std::string& name, ConnectorConfig config,
                              std::function<void(Connectors&, ConnectorConfig)> then,
                              const Done<CreatedConnector>& done) {
  const bool has_hidden =
      std::ranges::any_of(config, [](const auto& item) { return is_hidden(item.second); });
  if (!has_hidden) return then(at, std::move(config));
  at.describe(name, [&at, name, config = std::move(config), then = std::move(then),
                     done](Result<ConnectorInfo> found) mutable {
    if (!found && found.error().code != ErrorCode::UndefinedObject)
      return done(std::move(found).error());
    for (auto& [key, value] : config) {
      if (!is_hidden(value)) continue;
      const std::string present = found ? value_of(found->config, key) : std::string();
      if (engine::shown_value(key, present) != value)
        return done(Error{
            ErrorCode::InvalidParameter,
            fmt::format("property \"{}\" of connector {} has the value \"{}\"", key, name, value),
            "Answers show this text instead of a secret, and the connector has no such secret.",
            "Set the value itself."});
      value = present;
    }
    then(at, std::move(config));
  });
}

void ConnectorRouter::alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) {
  config.erase("runs");
  forward(name, hidden(std::move(done)),
          [this, name, config](Connectors& at, const Done<CreatedConnector>& then) {
            const auto send = [name, then](Connectors& place, ConnectorConfig known) {
              place.alter(name, std::move(known), then);
            };
            replace(at, name, config, send, then);
          });
}

void ConnectorRouter::change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) {
  // A hidden value is the present one.
  std::erase_if(changes,
                [](const auto& change) { return change.second && is_hidden(*change.second); });
  forward(name, hidden(std::move(done)),
          [name, changes](Connectors& at, const Done<CreatedConnector>& then) {
            at.change(name, changes, then);
          });
}

void ConnectorRouter::drop(std::string name, Done<std::vector<ConnectorNotice>> done) {
  forward(name, std::move(done),
          [name](Connectors& at, const Done<std::vector<ConnectorNotice>>& then) {
            at.drop(name, then);
          });
}

void ConnectorRouter::set_state(std::string name, TargetState target, Done<void> done) {
  forward(name, std::move(done), [name, target](Connectors& at, const Done<void>& then) {
    at.set_state(name, target, then);
  });
}

void ConnectorRouter::restart(std::string name, Restart what, Done<ConnectorInfo> done) {
  forward(name, hidden(std::move(done)),
          [name, what](Connectors& at, const Done<ConnectorInfo>& then) {
            at.restart(name, what, then);
          });
}

void ConnectorRouter::restart_task(std::string name, int32_t task, Done<void> done) {
  forward(name, std::move(done), [name, task](Connectors& at, const Done<void>& then) {
    at.restart_task(name, task, then);
  });
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
  forward(name, hidden(std::move(done)),
          [name](Connectors& at, const Done<ConnectorInfo>& then) { at.describe(name, then); });
}

void ConnectorRouter::tasks(std::string name, Done<Listed<TaskProgress>> done) {
  const Done<Listed<TaskProgress>> shown =
      [done = std::move(done)](Result<Listed<TaskProgress>> listed) {
        if (listed)
          for (TaskProgress& each : listed->items) hide_secrets(each.config);
        done(std::move(listed));
      };
  if (!name.empty())
    return forward(name, shown, [name](Connectors& at, const Done<Listed<TaskProgress>>& then) {
      at.tasks(name, then);
    });
  ask_both<TaskProgress>(
      [](Connectors& at, Done<Listed<TaskProgress>> then) { at.tasks({}, std::move(then)); },
      shown);
}

void ConnectorRouter::reset_topics(std::string name, Done<void> done) {
  forward(name, std::move(done),
          [name](Connectors& at, const Done<void>& then) { at.reset_topics(name, then); });
}

void ConnectorRouter::offsets(std::string name, Done<std::vector<ConnectorOffset>> done) {
  forward(name, std::move(done),
          [name](Connectors& at, const Done<std::vector<ConnectorOffset>>& then) {
            at.offsets(name, then);
          });
}

void ConnectorRouter::alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                                    Done<std::string> done) {
  forward(name, std::move(done), [name, offsets](Connectors& at, const Done<std::string>& then) {
    at.alter_offsets(name, offsets, then);
  });
}

void ConnectorRouter::reset_offsets(std::string name, Done<std::string> done) {
  forward(name, std::move(done),
          [name](Connectors& at, const Done<std::string>& then) { at.reset_offsets(name, then); });
}

void ConnectorRouter::snapshot(std::string name, std::vector<std::string> tables, Done<void> done) {
  forward(name, std::move(done), [name, tables](Connectors& at, const Done<void>& then) {
    at.snapshot(name, tables, then);
  });
}

void ConnectorRouter::set_owner(std::string name, std::string owner, Done<void> done) {
  forward(name, std::move(done), [name, owner](Connectors& at, const Done<void>& then) {
    at.set_owner(name, owner, then);
  });
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
