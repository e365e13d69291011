#include "server/sql/read_only.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <variant>

namespace server::sql {

namespace {

template <class... Kinds>
bool is_one_of(const engine::Statement& statement) {
  return (std::holds_alternative<Kinds>(statement) || ...);
}

bool changes(const engine::Statement& statement) {
  using namespace engine;
  if (const auto* copy = std::get_if<Copy>(&statement))
    return copy->direction == CopyDirection::FromStdin;
  if (const auto* reset = std::get_if<ResetOffsets>(&statement)) return !reset->is_dry_run;
  return is_one_of<
      CreateSource, CreateAsSelect, DropSource, DropSources, Truncate, AddPrimaryKey, AlterColumns,
      AlterDefault, CreateSequence, AlterSequence, DropSequences, CreateSchema, DropSchemas,
      CommentOn, AlterSource, CreateType, DropType, InsertSelect, InsertValues, UpdateRows,
      DeleteRows, AlterSystem, RunScript, CreateRole, AlterRole, DropRole, ChangeRights,
      ChangeOwner, CreateConnector, AlterConnector, DropConnector, ControlConnector, CreateLink,
      DropLink, ControlQuery, CreateView, DropViews, RenameRelation, ChangeConstraint, AlterTopic>(
      statement);
}

// Takes the next word off the text and returns it in upper case. A word ends at the first character
// that is not a letter.
std::string take_word(std::string_view& text) {
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  text.remove_prefix(static_cast<size_t>(
      std::ranges::find_if_not(
          text, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }) -
      text.begin()));
  const auto end = std::ranges::find_if_not(text, is_letter);
  std::string word(text.begin(), end);
  for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  text.remove_prefix(word.size());
  return word;
}

std::string moved_sequence(const engine::Query& query);

// Returns the name of a call that moves a sequence, "nextval()" or "setval()"; empty if the
// expression has no such call.
std::string moved_sequence(const engine::Expression& expression) {
  if (const auto* call = expression.as<engine::FunctionCall>())
    if (call->name == "NEXTVAL" || call->name == "SETVAL")
      return call->name == "NEXTVAL" ? "nextval()" : "setval()";
  if (const auto* within = expression.as<engine::Subquery>())
    if (std::string found = moved_sequence(*within->query); !found.empty()) return found;
  for (const engine::Expression* child : engine::children(expression))
    if (std::string found = moved_sequence(*child); !found.empty()) return found;
  return {};
}

std::string moved_sequence(const engine::Query& query) {
  std::string found;
  const auto look = [&](const auto& part) {
    if (found.empty() && part) found = moved_sequence(*part);
  };
  for (const engine::SelectItem& item : query.items) look(item.expression);
  for (const engine::ExpressionList& row : query.values)
    for (const engine::ExpressionPtr& value : row) look(value);
  look(query.where);
  look(query.having);
  if (query.from) look(query.from->query);
  for (const engine::Join& join : query.joins) look(join.source.query);
  for (const engine::CommonTable& table : query.with) look(table.query);
  if (query.combined) {
    look(query.combined->left);
    look(query.combined->right);
  }
  return found;
}

}  // namespace

std::string changing_command(const engine::ParsedStatement& statement) {
  if (!changes(statement.statement)) return {};
  std::string_view text = statement.text;
  std::string command = take_word(text);
  if (command == "CREATE" || command == "DROP" || command == "ALTER")
    if (const std::string what = take_word(text); !what.empty() && what != "OR")
      command += ' ' + what + (what == "CONSUMER" ? " GROUP" : "");
  return std::holds_alternative<engine::Copy>(statement.statement) ? "COPY FROM" : command;
}

std::string refused_in_read_only(const engine::ParsedStatement& statement) {
  std::string command = changing_command(statement);
  if (command.empty() && !statement.row_locks.tables.empty()) return "SELECT FOR UPDATE";
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  return command.empty() && query ? moved_sequence(*query) : command;
}

Error read_only_error(std::string_view command) {
  return {ErrorCode::ReadOnlyTransaction,
          fmt::format("cannot execute {} in a read-only transaction", command)};
}

Status check_read_only(const engine::ParsedStatement& statement) {
  const std::string command = refused_in_read_only(statement);
  if (command.empty()) return {};
  return read_only_error(command);
}

}  // namespace server::sql
