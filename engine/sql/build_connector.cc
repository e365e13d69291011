#include <optional>

#include "engine/sql/build.h"

namespace engine {
namespace {

using Built = Result<Statement>;

// Kafka Connect distinguishes case, so an unquoted name is taken as written.
Name connector_name(P::IdentifierContext& context) {
  Name name = build_name(context);
  if (name.quoting == Quoting::None) name.text = text_of(context);
  return name;
}

ConnectorKind kind_of_connector(const antlr4::Token& word) {
  return word.getType() == P::SOURCE ? ConnectorKind::Source : ConnectorKind::Sink;
}

Built build_create_connector(P::CreateConnectorContext& context) {
  if (context.REPLACE() && context.ifNotExists())
    return statement_error(*context.ifNotExists()->start,
                           "CREATE OR REPLACE and IF NOT EXISTS exclude each other.");
  PropertyList properties = TRY(build_properties(context.properties()));
  return CreateConnector{kind_of_connector(*context.kind), context.REPLACE() != nullptr,
                         context.ifNotExists() != nullptr, connector_name(*context.name),
                         position_of(*context.name),       std::move(properties)};
}

AlterConnector::Action alter_action(P::AlterConnectorContext& context) {
  using Action = AlterConnector::Action;
  switch (context.action->getType()) {
    case P::SET:
      return context.OFFSETS() ? Action::SetOffsets : Action::Set;
    case P::RESET:
      return context.OFFSETS() ? Action::ResetOffsets : Action::Reset;
    case P::SNAPSHOT:
      return Action::Snapshot;
    default:
      return Action::Owner;
  }
}

Built build_alter_connector(P::AlterConnectorContext& context) {
  AlterConnector alter{alter_action(context), context.ifExists() != nullptr,
                       connector_name(*context.name), position_of(*context.name)};
  for (P::PropertyContext* property : context.property())
    TRY(add_property(*property, alter.properties));
  for (P::PropertyNameContext* name : context.propertyName())
    alter.names.push_back(TRY(build_property_name(*name)));
  if (alter.action == AlterConnector::Action::SetOffsets) {
    if (context.string().empty())
      return statement_error(*context.OFFSETS()->getSymbol(),
                             "SET OFFSETS needs a text with a JSON array, as GET "
                             "/connectors/{name}/offsets returns it in \"offsets\".");
    alter.text = TRY(build_string(*context.string(0)));
  } else if (alter.action == AlterConnector::Action::ResetOffsets) {
    if (!context.string().empty())
      return statement_error(*context.string(0)->start,
                             "RESET OFFSETS resets all offsets. Leave out the text.");
  } else {
    for (P::StringContext* table : context.string())
      alter.names.push_back(TRY(build_string(*table)));
  }
  if (context.owner) alter.text = build_role(*context.owner);
  return alter;
}

Built build_control_connector(P::ControlConnectorContext& context) {
  using Action = ControlConnector::Action;
  ControlConnector control;
  control.action = is(context.action, P::PAUSE)    ? Action::Pause
                   : is(context.action, P::RESUME) ? Action::Resume
                   : is(context.action, P::STOP)   ? Action::Stop
                                                   : Action::Restart;
  control.name = connector_name(*context.name);
  control.name_position = position_of(*context.name);
  if (context.task) {
    if (control.action != Action::Restart)
      return statement_error(*context.TASK()->getSymbol(),
                             "Only RESTART CONNECTOR takes a TASK: PAUSE, RESUME and STOP concern "
                             "all tasks of a connector.");
    control.task = TRY(build_integer(*context.task));
  }
  return control;
}

}  // namespace

Built build_connector(antlr4::ParserRuleContext& context) {
  switch (context.getRuleIndex()) {
    case P::RuleCreateConnector:
      return build_create_connector(static_cast<P::CreateConnectorContext&>(context));
    case P::RuleAlterConnector:
      return build_alter_connector(static_cast<P::AlterConnectorContext&>(context));
    case P::RuleDropConnector: {
      auto& drop = static_cast<P::DropConnectorContext&>(context);
      return DropConnector{drop.ifExists() != nullptr, connector_name(*drop.name),
                           position_of(*drop.name)};
    }
    case P::RuleDescribe: {
      auto& describe = static_cast<P::DescribeContext&>(context);
      return DescribeConnector{connector_name(*describe.name), position_of(*describe.name)};
    }
    default:
      return build_control_connector(dynamic_cast<P::ControlConnectorContext&>(context));
  }
}

namespace {

bool is_never_secret(const std::string& property) {
  return property == "connector.class" || property == "bootstrap.servers" ||
         property == "security.protocol" || property == "sasl.mechanism";
}

}  // namespace

std::string shown_text(P::StatementContext& context) {
  std::vector<P::PropertyContext*> properties;
  for (P::StatementContext* statement = &context; statement;) {
    P::StatementContext* nested = nullptr;
    if (P::CreateConnectorContext* create = statement->createConnector()) {
      if (create->properties()) properties = create->properties()->property();
    } else if (P::CreateLinkContext* create_link = statement->createLink()) {
      if (create_link->properties()) properties = create_link->properties()->property();
    } else if (P::AlterConnectorContext* alter = statement->alterConnector()) {
      properties = alter->property();
    } else if (P::ExplainContext* explain = statement->explain()) {
      nested = explain->statement();
    } else if (P::PrepareContext* prepare = statement->prepare()) {
      nested = prepare->statement();
    }
    statement = nested;
  }
  std::string text = text_of(context);
  const size_t start = context.start->getStartIndex();
  // The loop runs from the last property to the first, because a replacement moves the text after it.
  for (auto property = properties.rbegin(); property != properties.rend(); ++property) {
    const auto name = build_property_name(*(*property)->propertyName());
    if (name && is_never_secret(to_lower(*name))) continue;
    const P::LiteralContext& value = *(*property)->literal();
    text.replace(value.start->getStartIndex() - start,
                 value.stop->getStopIndex() + 1 - value.start->getStartIndex(), "'[string]'");
  }
  return text;
}

}  // namespace engine
