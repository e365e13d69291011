#include "server/sql/temporary_tables.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/uuid.h"
#include "engine/sql/public_schema.h"

namespace server {

namespace {

using engine::Name;

constexpr std::string_view kSchema = "PG_TEMP.";

Name exact(std::string text) { return Name{std::move(text), engine::Quoting::Back}; }

}  // namespace

engine::CreateSource copy_without_properties(const engine::CreateSource& create) {
  engine::CreateSource copy;
  copy.kind = create.kind;
  copy.or_replace = create.or_replace;
  copy.if_not_exists = create.if_not_exists;
  copy.name = create.name;
  copy.name_position = create.name_position;
  copy.elements = create.elements;
  copy.is_postgres = create.is_postgres;
  copy.is_temporary = create.is_temporary;
  // without properties: they are storage parameters of PostgreSQL, which have no effect
  return copy;
}

// Names in the catalog are PG_TEMP_1A2B3C4D.NAME and, in a cluster, PG_TEMP_1A2B3C4D_N3.NAME.
TemporaryTables::TemporaryTables(std::optional<int32_t> node)
    : prefix_(fmt::format("PG_TEMP_{}{}.",
                          absl::AsciiStrToUpper(Uuid::random().to_string().substr(0, 8)),
                          node ? fmt::format("_N{}", *node) : "")) {}

std::optional<int32_t> TemporaryTables::node_of(std::string_view name_in_catalog) {
  const std::string_view prefix = name_in_catalog.substr(0, name_in_catalog.find('.'));
  const size_t mark = prefix.rfind("_N");
  if (!prefix.starts_with("PG_TEMP_") || mark == std::string_view::npos) return std::nullopt;
  const std::string_view number = prefix.substr(mark + 2);
  int32_t node = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), node);
  if (read.ec != std::errc() || read.ptr != number.data() + number.size()) return std::nullopt;
  return node;
}

Name TemporaryTables::name_of(const Name& written) const {
  if (!engine::may_name_temporary(written)) return written;
  const auto found = names_.find(written.text);
  return found == names_.end() ? written : exact(found->second);
}

bool TemporaryTables::owns(const std::string& name_in_catalog) const {
  return std::ranges::any_of(names_,
                             [&](const auto& each) { return each.second == name_in_catalog; });
}

std::string TemporaryTables::schema() const {
  return names_.empty() ? std::string() : prefix_.substr(0, prefix_.find('.'));
}

TemporaryTables::Statement TemporaryTables::translate(const Statement& statement) const {
  const engine::Statement& written = statement->statement;
  const auto with = [&](auto translated) -> Statement {
    auto copy = std::make_shared<engine::ParsedStatement>();
    copy->text = statement->text;
    copy->start = statement->start;
    copy->statement = std::move(translated);
    return copy;
  };
  if (const auto* create = std::get_if<engine::CreateSource>(&written)) {
    if (!create->is_temporary) return statement;
    engine::CreateSource copy = copy_without_properties(*create);
    copy.name = exact(prefix_ + create->name.text);
    return with(std::move(copy));
  }
  if (names_.empty()) return statement;
  if (const auto* drop = std::get_if<engine::DropSource>(&written)) {
    engine::DropSource copy = *drop;
    copy.name = name_of(drop->name);
    return with(std::move(copy));
  }
  if (const auto* drops = std::get_if<engine::DropSources>(&written)) {
    engine::DropSources copy = *drops;
    for (engine::DropSource& drop : copy.drops) drop.name = name_of(drop.name);
    return with(std::move(copy));
  }
  if (const auto* truncate = std::get_if<engine::Truncate>(&written)) {
    engine::Truncate copy = *truncate;
    for (engine::TableName& table : copy.tables) table.name = name_of(table.name);
    return with(std::move(copy));
  }
  if (const auto* add = std::get_if<engine::AddPrimaryKey>(&written)) {
    engine::AddPrimaryKey copy = *add;
    copy.table.name = name_of(add->table.name);
    return with(std::move(copy));
  }
  if (const auto* columns = std::get_if<engine::AlterColumns>(&written)) {
    engine::AlterColumns copy = *columns;
    copy.table.name = name_of(columns->table.name);
    return with(std::move(copy));
  }
  if (const auto* rename = std::get_if<engine::RenameRelation>(&written)) {
    engine::RenameRelation copy = *rename;
    copy.name.name = name_of(rename->name.name);
    return with(std::move(copy));
  }
  if (const auto* change = std::get_if<engine::ChangeConstraint>(&written)) {
    engine::ChangeConstraint copy = *change;
    copy.table.name = name_of(change->table.name);
    return with(std::move(copy));
  }
  if (const auto* views = std::get_if<engine::DropViews>(&written)) {
    engine::DropViews copy = *views;
    for (engine::TableName& view : copy.names) view.name = name_of(view.name);
    return with(std::move(copy));
  }
  if (const auto* value = std::get_if<engine::AlterDefault>(&written)) {
    engine::AlterDefault copy = *value;
    copy.table.name = name_of(value->table.name);
    return with(std::move(copy));
  }
  if (const auto* comment = std::get_if<engine::CommentOn>(&written)) {
    engine::CommentOn copy = *comment;
    copy.table.name = name_of(comment->table.name);
    return with(std::move(copy));
  }
  if (const auto* alter = std::get_if<engine::AlterSource>(&written)) {
    engine::AlterSource copy = *alter;
    copy.name = name_of(alter->name);
    return with(std::move(copy));
  }
  return statement;
}

void TemporaryTables::note(const engine::Statement& statement) {
  const auto add = [&](const std::string& written) {
    for (const std::string_view schema : {std::string_view(), kSchema})
      names_[std::string(schema) + written] = prefix_ + written;
  };
  const auto drop = [&](const Name& name) {
    if (engine::may_name_temporary(name)) forget(name.text);
  };
  if (const auto* create = std::get_if<engine::CreateSource>(&statement)) {
    if (create->is_temporary) add(create->name.text);
  } else if (const auto* one = std::get_if<engine::DropSource>(&statement)) {
    drop(one->name);
  } else if (const auto* several = std::get_if<engine::DropSources>(&statement)) {
    for (const engine::DropSource& each : several->drops) drop(each.name);
  }
}

void TemporaryTables::forget(std::string_view written) {
  if (written.starts_with(kSchema)) written.remove_prefix(kSchema.size());
  names_.erase(std::string(written));
  names_.erase(std::string(kSchema) + std::string(written));
}

TemporaryTables::Statement TemporaryTables::drop_all() const {
  if (names_.empty()) return nullptr;
  engine::DropSources drops;
  for (const auto& [written, name] : names_)
    if (!written.starts_with(kSchema))
      drops.drops.push_back({engine::SourceKind::Table, true, false, exact(name), {}});
  auto statement = std::make_shared<engine::ParsedStatement>();
  statement->text = "DROP TABLE of a session that has ended";
  statement->statement = std::move(drops);
  return statement;
}

}  // namespace server
