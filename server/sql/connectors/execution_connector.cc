#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/system_tables/entities.h"
#include "server/sql/connectors/connector_entities.h"
#include "server/sql/connectors/connector_rows.h"
#include "server/sql/execution.h"
#include "server/sql/read/information_facts.h"

namespace server {

namespace {

engine::ConnectorType type_of(engine::ConnectorKind kind) {
  if (kind == engine::ConnectorKind::Any) return engine::ConnectorType::Unknown;
  return kind == engine::ConnectorKind::Source ? engine::ConnectorType::Source
                                               : engine::ConnectorType::Sink;
}

ConnectorDefinition definition_of(const engine::CreateConnector& create) {
  ConnectorDefinition definition;
  definition.name = create.name.text;
  definition.type = type_of(create.kind);
  for (const engine::Property& property : create.properties)
    definition.config[property.written_name] = property.text();
  definition.if_exists = create.or_replace      ? IfConnectorExists::Replace
                         : create.if_not_exists ? IfConnectorExists::Keep
                                                : IfConnectorExists::Fail;
  return definition;
}

// Reads [{"partition": {...}, "offset": {...}}, ...], or the whole answer of GET .../offsets.
Result<std::vector<ConnectorOffset>> offsets_in_text(const std::string& text) {
  const auto wrong = [] {
    return Error{ErrorCode::InvalidParameter,
                 "the offsets are not a JSON array of objects with \"partition\" and \"offset\"",
                 {},
                 "An example: '[{\"partition\": {\"filename\": \"a.txt\"}, \"offset\": "
                 "{\"position\": 0}}]'."};
  };
  auto tree = engine::parse_json_tree(text);
  if (!tree) return wrong();
  const engine::JsonTree* list = tree->find("offsets") ? tree->find("offsets") : &*tree;
  if (list->kind != engine::JsonKind::Array || list->items.empty()) return wrong();
  std::vector<ConnectorOffset> offsets;
  for (const engine::JsonTree& item : list->items) {
    const engine::JsonTree* partition = item.find("partition");
    const engine::JsonTree* offset = item.find("offset");
    if (!partition || !offset) return wrong();
    offsets.push_back({engine::json_tree_text(*partition), engine::json_tree_text(*offset)});
  }
  return offsets;
}

// Passes a statement about connectors to the node's Connectors, and sends their answer to the
// receiver.
class ConnectorExecution final : public SqlExecution {
 public:
  ConnectorExecution(SqlSession& session, sql::Receiver& receiver,
                     std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        form_(form),
        image_(session.parts().definitions.image()),
        may_create_(check_create_connector(*image_->users, session.asker()).has_value()) {}

  Status begin() {
    if (!session().parts().connectors)
      return Error{ErrorCode::NotSupported, "this server has no connectors"};
    const engine::Statement& statement = statement_->statement;
    const bool shows = shows_connectors(statement);
    if (!shows || std::holds_alternative<engine::Explain>(statement))
      TRY(check_create_connector(*image_->users, session().asker()));
    if (!shows && session().in_transaction_of_client())
      return Error{ErrorCode::ActiveTransaction,
                   fmt::format("{} cannot run inside a transaction block", tag()),
                   {},
                   "Send it before BEGIN or after COMMIT: a connector cannot be rolled back."};
    if (const auto* create = std::get_if<engine::CreateConnector>(&statement))
      this->create(*create);
    else if (const auto* alter = std::get_if<engine::AlterConnector>(&statement))
      TRY(this->alter(*alter));
    else if (const auto* drop = std::get_if<engine::DropConnector>(&statement))
      this->drop(*drop);
    else if (const auto* control = std::get_if<engine::ControlConnector>(&statement))
      TRY(this->control(*control));
    else
      show(statement);
    return {};
  }

  void cancel() override {
    if (std::exchange(is_over_, true)) return;
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request",
                         "The request about the connector may still be executed."});
  }

 private:
  Connectors& connectors() { return *session().parts().connectors; }

  std::string_view tag() const {
    const engine::Statement& statement = statement_->statement;
    if (std::holds_alternative<engine::CreateConnector>(statement)) return "CREATE CONNECTOR";
    if (std::holds_alternative<engine::AlterConnector>(statement)) return "ALTER CONNECTOR";
    if (std::holds_alternative<engine::DropConnector>(statement)) return "DROP CONNECTOR";
    const auto* control = std::get_if<engine::ControlConnector>(&statement);
    if (!control) return "SELECT";
    constexpr std::string_view kTags[] = {"PAUSE CONNECTOR", "RESUME CONNECTOR", "STOP CONNECTOR",
                                          "RESTART CONNECTOR"};
    return kTags[static_cast<size_t>(control->action)];
  }

  // Returns a callback for an answer of Connectors: it calls `handle` with a successful answer on
  // the session's loop, and ends the statement after an error.
  template <class T, class F>
  auto answered(F handle) {
    return on_loop([this, handle](Result<T> answer) {
      if (is_over_) return;
      if (!answer) return fail(std::move(answer).error());
      if constexpr (std::is_void_v<T>)
        handle();
      else
        handle(*std::move(answer));
    });
  }
  Connectors::Done<void> ended() {
    return answered<void>([this] { finish({}); });
  }

  void fail(Error error) {
    if (std::exchange(is_over_, true)) return;
    if (!error.position) error.position = position();
    receiver().on_error(std::move(error));
  }

  // Returns the position of the connector's name in the text of the statement.
  std::optional<TextPosition> position() const {
    return std::visit(
        []<class S>(const S& statement) -> std::optional<TextPosition> {
          if constexpr (std::is_same_v<S, engine::CreateConnector> ||
                        std::is_same_v<S, engine::AlterConnector> ||
                        std::is_same_v<S, engine::DropConnector> ||
                        std::is_same_v<S, engine::ControlConnector> ||
                        std::is_same_v<S, engine::DescribeConnector>)
            return statement.name_position;
          else
            return std::nullopt;
        },
        statement_->statement);
  }

  void send_notices(const std::vector<ConnectorNotice>& notices) {
    for (const ConnectorNotice& each : notices) receiver().on_notice(sql_notice(each));
  }

  void finish(std::string entity) {
    if (std::exchange(is_over_, true)) return;
    sql::Completion completion{std::string(tag())};
    completion.entity = std::move(entity);
    receiver().on_done(std::move(completion));
  }
  // Ends a statement that had nothing to do.
  void skip(const std::string& message) {
    receiver().on_notice({sql::NoticeLevel::Notice, message + ", skipping"});
    finish(warning_entity({statement_->text, {}}, message));
  }

  void create(const engine::CreateConnector& create) {
    ConnectorDefinition definition = definition_of(create);
    definition.owner = session().asker().value_or("");
    connectors().create(
        std::move(definition),
        answered<CreatedConnector>([this, &create](CreatedConnector created) {
          if (!created.is_new && create.if_not_exists)
            return skip(fmt::format("connector {} already exists", create.name.text));
          send_notices(created.notices);
          finish(connector_info_entity({statement_->text, created.notices}, created.info));
        }));
  }

  Status alter(const engine::AlterConnector& alter) {
    using Action = engine::AlterConnector::Action;
    const std::string& name = alter.name.text;
    if (alter.if_exists) return after_describe(alter);
    switch (alter.action) {
      case Action::Set:
      case Action::Reset: {
        Connectors::ConfigChanges changes;
        for (const engine::Property& property : alter.properties)
          changes[property.written_name] = property.text();
        for (const std::string& property : alter.names) changes[property] = std::nullopt;
        connectors().change(name, std::move(changes),
                            answered<CreatedConnector>([this](const CreatedConnector& changed) {
                              send_notices(changed.notices);
                              finish({});
                            }));
        break;
      }
      case Action::Snapshot:
        connectors().snapshot(name, alter.names, ended());
        break;
      case Action::SetOffsets:
        connectors().alter_offsets(name, TRY(offsets_in_text(alter.text)), told());
        break;
      case Action::ResetOffsets:
        connectors().reset_offsets(name, told());
        break;
      case Action::Owner:
        if (!image_->users->roles.contains(alter.text))
          return Error{ErrorCode::UndefinedObject,
                       fmt::format("role \"{}\" does not exist", alter.text)};
        connectors().set_owner(name, alter.text, ended());
        break;
    }
    return {};
  }
  // Continues ALTER CONNECTOR IF EXISTS once it is known whether the connector exists.
  Status after_describe(const engine::AlterConnector& alter) {
    connectors().describe(
        alter.name.text, on_loop([this, &alter](Result<ConnectorInfo> info) {
          if (is_over_) return;
          if (!info && info.error().code == ErrorCode::UndefinedObject)
            return skip(fmt::format("connector {} does not exist", alter.name.text));
          if (!info) return fail(std::move(info).error());
          engine::AlterConnector rest{alter.action, false, alter.name, alter.name_position};
          for (const engine::Property& property : alter.properties)
            rest.properties.push_back({property.name, property.written_name,
                                       engine::clone(*property.value), property.position});
          rest.names = alter.names;
          rest.text = alter.text;
          if (Status altered = this->alter(rest); !altered) fail(std::move(altered).error());
        }));
    return {};
  }
  // Returns a callback that sends the message of Kafka Connect to the client as a notice.
  Connectors::Done<std::string> told() {
    return answered<std::string>([this](std::string message) {
      if (!message.empty()) receiver().on_notice({sql::NoticeLevel::Notice, std::move(message)});
      finish({});
    });
  }

  void drop(const engine::DropConnector& drop) {
    connectors().drop(
        drop.name.text, on_loop([this, &drop](Result<std::vector<ConnectorNotice>> dropped) {
          if (is_over_) return;
          if (!dropped && drop.if_exists && dropped.error().code == ErrorCode::UndefinedObject)
            return skip(fmt::format("connector {} does not exist", drop.name.text));
          if (!dropped) return fail(std::move(dropped).error());
          send_notices(*dropped);
          finish(drop_connector_entity({statement_->text, *dropped}, drop.name.text));
        }));
  }

  Status control(const engine::ControlConnector& control) {
    using Action = engine::ControlConnector::Action;
    const std::string& name = control.name.text;
    if (control.action != Action::Restart) {
      const TargetState target = control.action == Action::Pause    ? TargetState::Paused
                                 : control.action == Action::Resume ? TargetState::Running
                                                                    : TargetState::Stopped;
      connectors().set_state(name, target, ended());
      return {};
    }
    if (control.task) {
      if (*control.task > INT32_MAX)
        return Error{ErrorCode::UndefinedObject,
                     fmt::format("task {} of connector {} does not exist", *control.task, name)};
      connectors().restart_task(name, static_cast<int32_t>(*control.task), ended());
      return {};
    }
    connectors().restart(name, {.includes_tasks = true},
                         answered<ConnectorInfo>([this](const ConnectorInfo&) { finish({}); }));
    return {};
  }

  void show(const engine::Statement& statement) {
    if (const auto* describe = std::get_if<engine::DescribeConnector>(&statement))
      return connectors().describe(
          describe->name.text, answered<ConnectorInfo>([this](ConnectorInfo info) {
            add_sources(info);
            if (form_ == InformationForm::Rows) return send(description_of(info, may_create_));
            if (!may_create_) hide_errors(info);
            send(connector_description_entity({statement_->text, {}}, info, descriptions_of(info)));
          }));
    if (const auto* explain = std::get_if<engine::Explain>(&statement))
      return connectors().validate(
          definition_of(std::get<engine::CreateConnector>(explain->statement->statement)),
          answered<CheckedConfig>([this](const CheckedConfig& checked) {
            send_notices(checked.notices);
            send(rows_of(checked));
          }));
    const auto& show = std::get<engine::Show>(statement);
    if (show.kind == engine::ShowKind::ConnectorTasks)
      return connectors().tasks(
          {}, answered<Listed<TaskProgress>>([this](const Listed<TaskProgress>& tasks) {
            send_notices(tasks.notices);
            send(rows_of(tasks.items, may_create_));
          }));
    if (show.kind == engine::ShowKind::ConnectorPlugins)
      return connectors().plugins(
          true, answered<Listed<ConnectorPlugin>>([this](const Listed<ConnectorPlugin>& plugins) {
            if (form_ == InformationForm::Entity)
              return send(
                  connector_plugins_entity({statement_->text, plugins.notices}, plugins.items));
            send_notices(plugins.notices);
            send(rows_of(plugins.items));
          }));
    connectors().list(answered<Listed<ConnectorInfo>>(
        [this, kind = show.connectors](Listed<ConnectorInfo> listed) {
          std::erase_if(listed.items,
                        [&](const ConnectorInfo& each) { return !is_of_kind(each, kind); });
          if (form_ == InformationForm::Entity)
            return send(connector_list_entity({statement_->text, listed.notices}, listed.items));
          send_notices(listed.notices);
          send(rows_of(listed.items, may_create_));
        }));
  }

  static void hide_errors(ConnectorInfo& info) {
    info.trace.clear();
    for (ConnectorTask& task : info.tasks) task.trace.clear();
  }

  // Adds the streams and tables over the connector's topics, as ksqlDB shows them.
  void add_sources(ConnectorInfo& info) const {
    for (const auto& [name, source] : image_->catalog->sources())
      if (std::ranges::find(info.topics, source->topic) != info.topics.end() &&
          std::ranges::find(info.sources, name) == info.sources.end())
        info.sources.push_back(name);
  }
  std::vector<std::string> descriptions_of(const ConnectorInfo& info) {
    const InformationFacts facts(session().parts(), reader_of(session()), image_);
    return facts.with_context([&](const engine::InformationContext& context) {
      std::vector<std::string> descriptions;
      for (const std::string& name : info.sources)
        if (const engine::DataSource* source = context.catalog.find_source(name))
          descriptions.push_back(engine::source_description(*source, context));
      return descriptions;
    });
  }

  void send(const engine::InformationRows& rows) {
    if (form_ == InformationForm::Entity) return send(engine::rows_entity(rows, statement_->text));
    if (is_over_) return;
    if (rows.rows > 0) receiver().on_rows(rows.columns, 0, rows.rows);
    finish({});
  }
  void send(const std::string& entity) {
    if (is_over_) return;
    const std::vector<engine::ColumnPtr> columns = {
        engine::constant_column(engine::TypeKind::String, engine::Value::text(entity), 1)};
    receiver().on_rows(columns, 0, 1);
    finish({});
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const InformationForm form_;
  const MetadataImagePtr image_;
  const bool may_create_;
  bool is_over_ = false;
};

}  // namespace

bool shows_connectors(const engine::Statement& statement) {
  return engine::is_connector_statement(statement) &&
         (std::holds_alternative<engine::Show>(statement) ||
          std::holds_alternative<engine::DescribeConnector>(statement) ||
          std::holds_alternative<engine::Explain>(statement));
}

Result<std::unique_ptr<sql::Execution>> run_connector_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form) {
  auto run = std::make_unique<ConnectorExecution>(session, receiver, std::move(statement), form);
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
