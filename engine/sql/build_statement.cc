#include "engine/sql/build.h"

namespace engine {
namespace {

// Returns whether the statement contains a password. The text of a statement is kept, logged and
// shown, so the text of such a statement is not used.
bool has_password(const Statement& statement) {
  if (const auto* create = std::get_if<CreateRole>(&statement))
    return create->options.password.has_value();
  if (const auto* alter = std::get_if<AlterRole>(&statement))
    return alter->options.password.has_value();
  return false;
}

}  // namespace

Result<Statement> build_statement(P::StatementContext& context) {
  auto& rule = dynamic_cast<antlr4::ParserRuleContext&>(*context.children[0]);
  switch (rule.getRuleIndex()) {
    case P::RuleQuery:
      return TRY(build_query(static_cast<P::QueryContext&>(rule)));
    case P::RuleValueRows:
      return TRY(build_value_rows(static_cast<P::ValueRowsContext&>(rule)));
    case P::RuleCreateSource:
      return build_create_source(static_cast<P::CreateSourceContext&>(rule));
    case P::RuleDropSource:
      return build_drop_source(static_cast<P::DropSourceContext&>(rule));
    case P::RuleAlterSource:
      return build_alter_source(static_cast<P::AlterSourceContext&>(rule));
    case P::RuleCreateType:
      return build_create_type(static_cast<P::CreateTypeContext&>(rule));
    case P::RuleDropType:
      return build_drop_type(static_cast<P::DropTypeContext&>(rule));
    case P::RuleCreateView:
      return build_create_view(static_cast<P::CreateViewContext&>(rule));
    case P::RuleDropView:
      return build_drop_view(static_cast<P::DropViewContext&>(rule));
    case P::RuleRenameRelation:
      return build_rename_relation(static_cast<P::RenameRelationContext&>(rule));
    case P::RuleCopy:
      return build_copy(static_cast<P::CopyContext&>(rule));
    case P::RuleCreateRole:
    case P::RuleAlterRole:
    case P::RuleDropRole:
    case P::RuleChangeRights:
    case P::RuleChangeOwner:
      return build_access(rule);
    case P::RuleCreateConnector:
    case P::RuleAlterConnector:
    case P::RuleDropConnector:
    case P::RuleControlConnector:
      return build_connector(rule);
    case P::RuleCreateLink:
    case P::RuleDropLink:
      return build_link(rule);
    case P::RuleAlterTopic:
    case P::RuleResetOffsets:
      return build_topic(rule);
    case P::RuleTransaction:
    case P::RuleSetSetting:
    case P::RuleShowSetting:
    case P::RuleResetSetting:
    case P::RuleDiscard:
    case P::RuleDeclareCursor:
    case P::RuleFetchCursor:
    case P::RuleCloseCursor:
    case P::RulePrepare:
    case P::RuleExecute:
    case P::RuleDeallocate:
    case P::RuleListen:
    case P::RuleUnlisten:
    case P::RuleNotify:
      return build_session(rule);
    default:
      return build_command(rule);
  }
}

Result<ParsedStatement> build_nested_statement(P::StatementContext& context) {
  Statement statement = TRY(build_statement(context));
  std::string text = has_password(statement) ? "CREATE or ALTER ROLE" : shown_text(context);
  return ParsedStatement{std::move(statement), std::move(text), position_of(context)};
}

}  // namespace engine
