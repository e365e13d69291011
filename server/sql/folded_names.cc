#include "server/sql/folded_names.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <utility>

#include "engine/plan/analysis.h"
#include "engine/plan/source_properties.h"
#include "engine/sql/public_schema.h"
#include "server/sql/temporary_tables.h"

namespace server {

namespace {

using engine::Name;
using engine::Quoting;

// Returns whether the name has the same meaning in PostgreSQL with and without quotes: it contains only characters
// that need no quotes, in lower case.
bool is_bare_in_lower_case(std::string_view text) {
  const auto is_bare = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  return !text.empty() && std::ranges::all_of(text, is_bare);
}

// Returns whether the definition uses only syntax that PostgreSQL has, too. In the dialect's own
// syntax quoted names are exact, so the names of a definition that uses it are not changed.
bool is_in_words_of_postgres(const engine::CreateSource& create) {
  return create.kind == engine::SourceKind::Table && !create.is_source &&
         std::ranges::all_of(create.properties, engine::is_storage_parameter,
                             &engine::Property::name);
}

class Folding {
 public:
  explicit Folding(const engine::PlanContext& context) : context_(context) {}
  bool has_changed() const { return has_changed_; }

  void create(engine::CreateSource& create) {
    existing(create.name);
    if (!is_there(create.name.text)) fold(create.name);
    for (engine::TableElement& element : create.elements) fold(element.name);
  }
  void add_columns(Name& table, std::vector<engine::TableElement>& added) {
    existing(table);
    const engine::DataSource* source = context_.catalog.find_source(table.text);
    if (!source || !source->owns_topic) return;
    for (engine::TableElement& element : added) fold(element.name);
  }
  void create(engine::CreateView& create) {
    existing(create.name.name);
    if (!is_there(create.name.name.text)) fold(create.name.name);
    for (Name& column : create.columns) fold(column);
  }
  void rename(engine::RenameRelation& rename) {
    existing(rename.name.name);
    fold(rename.new_name);
  }
  // Changes the name of an existing relation to the catalog's spelling. A name with the schema public is quoted if the
  // session has a temporary table of that name, which the bare name would mean.
  void existing(Name& name) {
    if (engine::is_in_public(name)) {
      Name plain = engine::without_public(name);
      const bool is_hidden = engine::find_temporary(plain, context_) != nullptr;
      const engine::DataSource* source = is_hidden ? engine::find_source(name, context_) : nullptr;
      if (is_hidden) plain = {source ? source->name : plain.text, Quoting::Back};
      change(name, std::move(plain));
      if (is_hidden) return;
    }
    if (!folds_ || is_there(name.text)) return;
    if (name.quoting == Quoting::None && !is_table(absl::AsciiStrToLower(name.text))) return;
    std::string other = name.quoting == Quoting::Double ? absl::AsciiStrToUpper(name.text)
                        : name.quoting == Quoting::None ? absl::AsciiStrToLower(name.text)
                                                        : name.text;
    if (other != name.text && is_there(other))
      change(name, {other, is_temporary(other) ? Quoting::None : Quoting::Back});
  }

 private:
  // Returns whether this is the name of a table. As in find_source(), a name without quotes and in
  // lower case must name a table and not a stream: streams are created in the dialect's syntax,
  // which converts such names to upper case.
  bool is_table(const std::string& text) const {
    const engine::DataSource* source = context_.catalog.find_source(text);
    return source && source->kind == engine::SourceKind::Table;
  }
  bool is_temporary(const std::string& text) const {
    return context_.temporary && context_.temporary->contains(text);
  }
  bool is_there(const std::string& text) const {
    return is_temporary(text) || context_.catalog.find_source(text) ||
           context_.catalog.views.get(text);
  }
  void fold(Name& name) {
    if (folds_ && name.quoting == Quoting::Double && is_bare_in_lower_case(name.text))
      change(name, {absl::AsciiStrToUpper(name.text), Quoting::None});
  }
  void change(Name& name, Name to) {
    name = std::move(to);
    has_changed_ = true;
  }

  const engine::PlanContext& context_;
  const bool folds_ = !context_.settings.ksqldb_compat;
  bool has_changed_ = false;
};

}  // namespace

std::shared_ptr<const engine::ParsedStatement> with_folded_names(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::PlanContext& context) {
  Folding folding(context);
  const auto folded = [&](auto copy, auto fold) -> std::shared_ptr<const engine::ParsedStatement> {
    fold(copy);
    if (!folding.has_changed()) return statement;
    auto made = std::make_shared<engine::ParsedStatement>();
    made->text = statement->text;
    made->start = statement->start;
    made->statement = std::move(copy);
    return made;
  };
  const engine::Statement& written = statement->statement;
  if (const auto* create = std::get_if<engine::CreateSource>(&written))
    return is_in_words_of_postgres(*create)
               ? folded(copy_without_properties(*create), [&](auto& copy) { folding.create(copy); })
               : statement;
  if (const auto* drop = std::get_if<engine::DropSource>(&written))
    return folded(*drop, [&](auto& copy) { folding.existing(copy.name); });
  if (const auto* drops = std::get_if<engine::DropSources>(&written))
    return folded(*drops, [&](auto& copy) {
      for (engine::DropSource& each : copy.drops) folding.existing(each.name);
    });
  if (const auto* create = std::get_if<engine::CreateView>(&written))
    return folded(*create, [&](auto& copy) { folding.create(copy); });
  if (const auto* drop = std::get_if<engine::DropViews>(&written))
    return folded(*drop, [&](auto& copy) {
      for (engine::TableName& each : copy.names) folding.existing(each.name);
    });
  if (const auto* refresh = std::get_if<engine::RefreshView>(&written))
    return folded(*refresh, [&](auto& copy) { folding.existing(copy.name.name); });
  if (const auto* change = std::get_if<engine::ChangeConstraint>(&written))
    return folded(*change, [&](auto& copy) { folding.existing(copy.table.name); });
  if (const auto* rename = std::get_if<engine::RenameRelation>(&written))
    return folded(*rename, [&](auto& copy) { folding.rename(copy); });
  if (const auto* truncate = std::get_if<engine::Truncate>(&written))
    return folded(*truncate, [&](auto& copy) {
      for (engine::TableName& each : copy.tables) folding.existing(each.name);
    });
  if (const auto* add = std::get_if<engine::AddPrimaryKey>(&written))
    return folded(*add, [&](auto& copy) { folding.existing(copy.table.name); });
  if (const auto* columns = std::get_if<engine::AlterColumns>(&written))
    return folded(*columns, [&](auto& copy) { folding.add_columns(copy.table.name, copy.added); });
  if (const auto* alter = std::get_if<engine::AlterDefault>(&written))
    return folded(*alter, [&](auto& copy) { folding.existing(copy.table.name); });
  if (const auto* comment = std::get_if<engine::CommentOn>(&written))
    return folded(*comment, [&](auto& copy) { folding.existing(copy.table.name); });
  if (const auto* alter = std::get_if<engine::AlterSource>(&written))
    return folded(*alter, [&](auto& copy) { folding.add_columns(copy.name, copy.added); });
  return statement;
}

}  // namespace server
