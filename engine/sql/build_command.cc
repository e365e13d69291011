#include <optional>

#include "engine/sql/build.h"

namespace engine {
namespace {

using Built = Result<Statement>;

// Builds a name that may also be written as a string.
Result<Name> build_name_or_string(P::IdentifierContext* identifier, P::StringContext* string) {
  if (identifier) return build_name(*identifier);
  return Name{TRY(build_string(*string)), Quoting::Back};
}

Built build_insert(P::InsertContext& context) {
  const TextPosition position = position_of(*context.name);
  if (context.query()) {
    InsertSelect insert;
    insert.target = build_name(*context.name);
    insert.target_position = position;
    insert.properties = TRY(build_properties(context.properties()));
    insert.query = TRY(build_query(*context.query()));
    return insert;
  }
  InsertValues insert;
  insert.target = build_name(*context.name);
  insert.target_position = position;
  if (context.columns)
    for (P::IdentifierContext* column : context.columns->identifier())
      insert.columns.push_back({build_name(*column), position_of(*column)});
  const auto rows = context.row();
  insert.rows.reserve(rows.size());
  for (P::RowContext* row : rows) insert.rows.push_back(TRY(build_expressions(row->expression())));
  return insert;
}

Built build_print(P::PrintContext& context) {
  Print print;
  print.topic = TRY(build_name_or_string(context.topic, context.string()));
  if (context.link) print.link = build_link_name(*context.link);
  print.from_beginning = context.BEGINNING() != nullptr;
  if (context.interval) print.interval = TRY(build_integer(*context.interval));
  if (context.limit) print.limit = TRY(build_integer(*context.limit));
  return print;
}

Built build_set_property(P::SetPropertyContext& context) {
  std::string name = TRY(build_string(*context.string(0)));
  std::string value = TRY(build_string(*context.string(1)));
  return SetProperty{std::move(name), std::move(value)};
}

Built build_alter_system(P::AlterSystemContext& context) {
  std::string name = TRY(build_string(*context.string(0)));
  std::string value = TRY(build_string(*context.string(1)));
  return AlterSystem{std::move(name), std::move(value)};
}

Built build_assert_topic(P::AssertTopicContext& context) {
  AssertTopic assertion;
  assertion.exists = context.NOT() == nullptr;
  assertion.topic = TRY(build_name_or_string(context.identifier(), context.string()));
  assertion.properties = TRY(build_properties(context.properties()));
  if (context.duration()) assertion.timeout = TRY(build_duration(*context.duration()));
  return assertion;
}

Built build_assert_schema(P::AssertSchemaContext& context) {
  AssertSchema assertion;
  assertion.exists = context.NOT() == nullptr;
  if (context.SUBJECT())
    assertion.subject = TRY(build_name_or_string(context.identifier(), context.string()));
  if (context.id) assertion.id = TRY(build_integer(*context.id));
  if (context.duration()) assertion.timeout = TRY(build_duration(*context.duration()));
  return assertion;
}

ConnectorKind connector_kind(const antlr4::Token* word) {
  if (is(word, P::SOURCE)) return ConnectorKind::Source;
  return is(word, P::SINK) ? ConnectorKind::Sink : ConnectorKind::Any;
}

ShowKind show_kind(const antlr4::Token& word) {
  switch (word.getType()) {
    case P::TOPICS:
      return ShowKind::Topics;
    case P::SCHEMAS:
      return ShowKind::Schemas;
    case P::STREAMS:
      return ShowKind::Streams;
    case P::TABLES:
      return ShowKind::Tables;
    case P::QUERIES:
      return ShowKind::Queries;
    case P::TASKS:
      return ShowKind::Tasks;
    case P::SERVER:
      return ShowKind::Server;
    case P::CLUSTER:
      return ShowKind::Cluster;
    case P::FUNCTIONS:
      return ShowKind::Functions;
    case P::PROPERTIES:
      return ShowKind::Properties;
    case P::TYPES:
      return ShowKind::Types;
    case P::VARIABLES:
      return ShowKind::Variables;
    case P::CONNECTORS:
      return ShowKind::Connectors;
    case P::LINKS:
      return ShowKind::Links;
    case P::GROUPS:
      return ShowKind::ConsumerGroups;
    case P::LAG:
      return ShowKind::ConsumerLag;
    default:
      return ShowKind::ConnectorPlugins;
  }
}

Built build_show(P::ShowContext& context) {
  const bool is_of_connectors = context.CONNECTOR() && context.TASKS();
  Show show{is_of_connectors ? ShowKind::ConnectorTasks : show_kind(*context.what),
            context.ALL() != nullptr, context.EXTENDED() != nullptr, connector_kind(context.kind)};
  if (context.group) show.group = build_name(*context.group);
  if (context.link) {
    show.kind = ShowKind::LinkTopics;
    show.link = build_link_name(*context.link);
  }
  if (context.pattern) show.pattern = TRY(build_string(*context.pattern));
  if (context.groupText) show.group = Name{TRY(build_string(*context.groupText)), Quoting::Double};
  return show;
}

Built build_describe(P::DescribeContext& context) {
  const bool extended = context.EXTENDED() != nullptr;
  if (!context.name)
    return DescribeSources{is(context.what, P::STREAMS) ? SourceKind::Stream : SourceKind::Table,
                           extended};
  Name name = build_name(*context.name);
  const TextPosition position = position_of(*context.name);
  if (is(context.what, P::FUNCTION)) return DescribeFunction{to_upper(name.text), position};
  if (is(context.what, P::CONNECTOR)) return build_connector(context);
  if (is(context.what, P::LINK)) return build_link(context);
  return DescribeSource{std::move(name), position, extended};
}

// Returns the format of EXPLAIN (FORMAT ...). Fails with PostgreSQL's message for another option.
Result<ExplainFormat> explain_format(P::ExplainContext& context) {
  if (!context.option) return ExplainFormat::Text;
  const Name option = build_name(*context.option), value = build_name(*context.choice);
  if (to_upper(option.text) != "FORMAT")
    return Error{ErrorCode::SyntaxError,
                 "unrecognized EXPLAIN option \"" + to_lower(option.text) + "\"",
                 {},
                 "The only option is EXPLAIN (FORMAT ...)."}
        .at(position_of(*context.option));
  const std::string word = to_upper(value.text);
  if (word == "TEXT") return ExplainFormat::Text;
  if (word == "JSON") return ExplainFormat::Json;
  if (word == "XML" || word == "YAML")
    return Error{ErrorCode::NotSupported,
                 "FORMAT XML or YAML of EXPLAIN is not supported yet",
                 {},
                 "Use FORMAT TEXT or FORMAT JSON."}
        .at(position_of(*context.choice));
  if (word == "TOPOLOGY") return ExplainFormat::Topology;
  if (word == "DOT") return ExplainFormat::Dot;
  return Error{ErrorCode::InvalidParameter,
               "unrecognized value for EXPLAIN option \"format\": \"" + to_lower(value.text) + "\"",
               {},
               "Available values: TEXT, JSON, TOPOLOGY, DOT."}
      .at(position_of(*context.choice));
}

Built build_explain(P::ExplainContext& context) {
  Explain explain;
  explain.analyze = context.ANALYZE() != nullptr;
  explain.format = TRY(explain_format(context));
  if (context.name) {
    explain.query_id = build_name(*context.name);
  } else {
    explain.statement =
        std::make_unique<ParsedStatement>(TRY(build_nested_statement(*context.statement())));
  }
  return explain;
}

Built build_control(P::ControlQueryContext& context) {
  ControlQuery control;
  control.action = is(context.action, P::TERMINATE) ? QueryAction::Terminate
                   : is(context.action, P::PAUSE)   ? QueryAction::Pause
                                                    : QueryAction::Resume;
  if (context.name) control.query_id = build_name(*context.name);
  control.position = context.name ? position_of(*context.name) : position_of(context);
  return control;
}

}  // namespace

Result<Statement> build_command(antlr4::ParserRuleContext& context) {
  switch (context.getRuleIndex()) {
    case P::RuleInsert:
      return build_insert(static_cast<P::InsertContext&>(context));
    case P::RulePrint:
      return build_print(static_cast<P::PrintContext&>(context));
    case P::RuleSetProperty:
      return build_set_property(static_cast<P::SetPropertyContext&>(context));
    case P::RuleUnsetProperty:
      return UnsetProperty{
          TRY(build_string(*static_cast<P::UnsetPropertyContext&>(context).string()))};
    case P::RuleAlterSystem:
      return build_alter_system(static_cast<P::AlterSystemContext&>(context));
    case P::RuleDefineVariable: {
      auto& define = static_cast<P::DefineVariableContext&>(context);
      std::string value = TRY(build_string(*define.string()));
      return DefineVariable{build_name(*define.identifier()), std::move(value)};
    }
    case P::RuleUndefineVariable:
      return UndefineVariable{
          build_name(*static_cast<P::UndefineVariableContext&>(context).identifier())};
    case P::RuleRunScript:
      return RunScript{TRY(build_string(*static_cast<P::RunScriptContext&>(context).string()))};
    case P::RuleAssertTopic:
      return build_assert_topic(static_cast<P::AssertTopicContext&>(context));
    case P::RuleAssertSchema:
      return build_assert_schema(static_cast<P::AssertSchemaContext&>(context));
    case P::RuleShow:
      return build_show(static_cast<P::ShowContext&>(context));
    case P::RuleDescribe:
      return build_describe(static_cast<P::DescribeContext&>(context));
    case P::RuleExplain:
      return build_explain(static_cast<P::ExplainContext&>(context));
    default:
      return build_control(dynamic_cast<P::ControlQueryContext&>(context));
  }
}

}  // namespace engine
