#include <optional>

#include "engine/sql/build.h"

namespace engine {
namespace {

using Built = Result<Statement>;

// Returns the words in upper case with one blank between them.
std::string words_of(antlr4::ParserRuleContext& context) {
  std::string words;
  for (antlr4::tree::ParseTree* child : context.children) {
    const std::string word = to_upper(child->getText());
    words += (words.empty() || word == "," ? "" : " ") + word;
  }
  return words;
}

TransactionAction transaction_action(const P::TransactionContext& context) {
  switch (context.action->getType()) {
    case P::COMMIT:
    case P::END:
      return TransactionAction::Commit;
    case P::ROLLBACK:
      return context.name ? TransactionAction::RollbackTo : TransactionAction::Rollback;
    case P::ABORT:
      return TransactionAction::Rollback;
    case P::SAVEPOINT:
      return TransactionAction::Savepoint;
    case P::RELEASE:
      return TransactionAction::Release;
    default:
      return TransactionAction::Begin;
  }
}

std::string_view command_tag(TransactionAction action, bool is_start) {
  switch (action) {
    case TransactionAction::Begin:
      return is_start ? "START TRANSACTION" : "BEGIN";
    case TransactionAction::Commit:
      return "COMMIT";
    case TransactionAction::Rollback:
    case TransactionAction::RollbackTo:
      return "ROLLBACK";
    case TransactionAction::Savepoint:
      return "SAVEPOINT";
    case TransactionAction::Release:
      return "RELEASE";
  }
  return "";
}

Built build_transaction(P::TransactionContext& context) {
  // AND CHAIN must not be ignored: the client would assume that the next statements are part of a
  // transaction.
  if (context.CHAIN() && !context.NO())
    return Error{ErrorCode::NotSupported, "AND CHAIN is not supported yet"}
        .with_hint("Send BEGIN afterwards.")
        .at(position_of(*context.CHAIN()->getSymbol()));
  Transaction transaction{transaction_action(context)};
  if (context.name) transaction.savepoint = build_name(*context.name);
  transaction.tag = command_tag(transaction.action, is(context.action, P::START));
  if (context.transactionModes()) transaction.modes = words_of(*context.transactionModes());
  return transaction;
}

std::string setting_name(P::SettingNameContext& context) {
  std::string name;
  for (P::IdentifierContext* part : context.identifier())
    name += (name.empty() ? "" : ".") + to_lower(build_name(*part).text);
  return name;
}

// Returns nothing for DEFAULT.
Result<std::optional<std::string>> setting_value(P::SettingValueContext& context) {
  if (context.string()) return TRY(build_string(*context.string()));
  P::IdentifierContext* word = context.identifier();
  if (!word) return text_of(context);
  const Name name = build_name(*word);
  if (name.quoting != Quoting::None) return name.text;
  if (name == "DEFAULT") return std::optional<std::string>();
  return text_of(context);
}

std::string special_setting(const antlr4::Token& word) {
  switch (word.getType()) {
    case P::TIME:
      return "timezone";
    case P::NAMES:
      return "client_encoding";
    case P::AUTHORIZATION:
      return "session_authorization";
    default:
      return "transaction_isolation";
  }
}

Built build_set_setting(P::SetSettingContext& context) {
  if (context.transactionModes())
    return SetTransaction{is(context.special, P::CHARACTERISTICS),
                          words_of(*context.transactionModes())};
  SetSetting set;
  set.is_local = is(context.scope, P::LOCAL);
  set.name =
      context.special ? special_setting(*context.special) : setting_name(*context.settingName());
  for (P::SettingValueContext* value : context.settingValue()) {
    const std::optional<std::string> text = TRY(setting_value(*value));
    if (text) set.value = set.value ? *set.value + ", " + *text : *text;
  }
  // SET TIME ZONE LOCAL, as a keyword, restores the session's initial value.
  if (context.special && context.special->getType() == P::TIME && set.value &&
      to_upper(*set.value) == "LOCAL" && !context.settingValue().front()->string())
    set.value.reset();
  return set;
}

std::string shown_setting(P::SettingContext& context) {
  if (context.ALL()) return "all";
  return context.special ? special_setting(*context.special) : setting_name(*context.settingName());
}

Built build_discard(P::DiscardContext& context) {
  switch (context.what->getType()) {
    case P::ALL:
      return Discard{DiscardTarget::All};
    case P::PLANS:
      return Discard{DiscardTarget::Plans};
    case P::SEQUENCES:
      return Discard{DiscardTarget::Sequences};
    default:
      return Discard{DiscardTarget::Temporary};
  }
}

Built build_declare(P::DeclareCursorContext& context) {
  DeclareCursor declare;
  declare.name = build_name(*context.name);
  for (P::CursorOptionContext* option : context.cursorOption()) {
    if (option->BINARY()) declare.is_binary = true;
    if (option->SCROLL()) declare.is_scroll = option->NO() == nullptr;
  }
  declare.with_hold = context.HOLD() && context.WITH();
  declare.query = TRY(build_query(*context.query()));
  declare.query_text = text_of(*context.query());
  return declare;
}

FetchDirection fetch_direction(const antlr4::Token* word) {
  if (!word) return FetchDirection::Forward;
  switch (word->getType()) {
    case P::PRIOR:
    case P::BACKWARD:
      return FetchDirection::Backward;
    case P::FIRST:
      return FetchDirection::First;
    case P::LAST:
      return FetchDirection::Last;
    case P::ABSOLUTE:
      return FetchDirection::Absolute;
    case P::RELATIVE:
      return FetchDirection::Relative;
    default:
      return FetchDirection::Forward;
  }
}

Built build_fetch(P::FetchCursorContext& context) {
  FetchCursor fetch;
  fetch.is_move = context.MOVE() != nullptr;
  fetch.cursor = build_name(*context.name);
  if (P::FetchDirectionContext* direction = context.fetchDirection()) {
    fetch.direction = fetch_direction(direction->direction);
    if (direction->ALL()) fetch.count = std::nullopt;
    if (P::SignedIntegerContext* count = direction->signedInteger())
      fetch.count = TRY(build_integer(*count->stop, count->MINUS() != nullptr));
  }
  return fetch;
}

Built build_prepare(P::PrepareContext& context) {
  Prepare prepare;
  prepare.name = build_name(*context.name);
  for (P::TypeContext* type : context.type())
    prepare.parameter_types.push_back(TRY(build_type(*type)));
  prepare.statement =
      std::make_unique<ParsedStatement>(TRY(build_nested_statement(*context.statement())));
  return prepare;
}

Built build_execute(P::ExecuteContext& context) {
  ExpressionList arguments = TRY(build_expressions(context.expression()));
  return ExecutePrepared{build_name(*context.name), std::move(arguments)};
}

std::optional<Name> name_if(P::IdentifierContext* context) {
  if (!context) return std::nullopt;
  return build_name(*context);
}

Built build_notify(P::NotifyContext& context) {
  std::string payload = context.string() ? TRY(build_string(*context.string())) : "";
  return Notify{build_name(*context.identifier()), std::move(payload)};
}

}  // namespace

Result<Statement> build_session(antlr4::ParserRuleContext& context) {
  switch (context.getRuleIndex()) {
    case P::RuleTransaction:
      return build_transaction(static_cast<P::TransactionContext&>(context));
    case P::RuleSetSetting:
      return build_set_setting(static_cast<P::SetSettingContext&>(context));
    case P::RuleShowSetting:
      return ShowSetting{shown_setting(*static_cast<P::ShowSettingContext&>(context).setting())};
    case P::RuleResetSetting:
      return ResetSetting{shown_setting(*static_cast<P::ResetSettingContext&>(context).setting())};
    case P::RuleDiscard:
      return build_discard(static_cast<P::DiscardContext&>(context));
    case P::RuleDeclareCursor:
      return build_declare(static_cast<P::DeclareCursorContext&>(context));
    case P::RuleFetchCursor:
      return build_fetch(static_cast<P::FetchCursorContext&>(context));
    case P::RuleCloseCursor:
      return CloseCursor{name_if(static_cast<P::CloseCursorContext&>(context).name)};
    case P::RulePrepare:
      return build_prepare(static_cast<P::PrepareContext&>(context));
    case P::RuleExecute:
      return build_execute(static_cast<P::ExecuteContext&>(context));
    case P::RuleDeallocate:
      return Deallocate{name_if(static_cast<P::DeallocateContext&>(context).name)};
    case P::RuleListen:
      return Listen{build_name(*static_cast<P::ListenContext&>(context).identifier())};
    case P::RuleUnlisten:
      return Unlisten{name_if(static_cast<P::UnlistenContext&>(context).identifier())};
    default:
      return build_notify(dynamic_cast<P::NotifyContext&>(context));
  }
}

}  // namespace engine
