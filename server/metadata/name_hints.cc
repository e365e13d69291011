#include "server/metadata/name_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/expr/member_hints.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

// Returns the name of the map's entry, as it was created; an empty text if there is none.
template <class Map>
std::string_view name_in(const Map& map, std::string_view name) {
  const auto found = std::ranges::find_if(
      map, [&](const auto& each) { return engine::equals_ignoring_case(each.first, name); });
  return found == map.end() ? std::string_view() : std::string_view(found->first);
}

// Returns the parts of the name with dots that begins here, without quotes; an empty list for a name in quotes.
std::vector<std::string> parts_at(std::string_view text) {
  const auto is_of_name = [](char c) {
    return engine::is_ascii_letter(c) || engine::is_ascii_digit(c) || c == '_';
  };
  std::vector<std::string> parts;
  for (;;) {
    const auto end = std::ranges::find_if_not(text, is_of_name);
    const auto size = static_cast<size_t>(end - text.begin());
    if (size == 0) return parts;
    parts.emplace_back(text.substr(0, size));
    if (size == text.size() || text[size] != '.') return parts;
    text.remove_prefix(size + 1);
  }
}

constexpr std::string_view kProposal = "Did you mean ", kWriter = " is written by the query ";

// Returns the names that a hint has between `begin` and `end`, without their quotes.
std::vector<std::string> names_between(std::string_view text, size_t begin, size_t end) {
  std::vector<std::string> names;
  if (end == text.npos || begin >= end) return names;
  text = text.substr(begin, end - begin);
  constexpr std::string_view kOr = " or ";
  for (;;) {
    const size_t next = std::min(text.find(kOr), text.size());
    std::string_view name = text.substr(0, next);
    constexpr std::string_view kQuotes = "`'\"";
    if (name.size() > 2 && kQuotes.find(name.front()) != kQuotes.npos)
      name = name.substr(1, name.size() - 2);
    names.emplace_back(name);
    if (next == text.size()) return names;
    text.remove_prefix(next + kOr.size());
  }
}

// Returns the names of objects that the planner has added to the hint.
std::vector<std::string> names_in_hint(std::string_view hint) {
  constexpr std::string_view kTopic = "Topic \"", kSchema = "Leave out the schema: ";
  if (hint.starts_with(kProposal)) return names_between(hint, kProposal.size(), hint.rfind('?'));
  if (hint.starts_with(kTopic)) return names_between(hint, kTopic.size(), hint.find("\" exists."));
  if (hint.starts_with(kSchema)) return names_between(hint, kSchema.size(), hint.rfind('.'));
  if (const size_t at = hint.find(kWriter); at != hint.npos)
    return names_between(hint, at + kWriter.size(), hint.find(':', at));
  return {};
}

// Returns whether the name belongs to an object on which the user has no right.
bool is_hidden(const std::string& name, const MetadataImage& image, const Asker& asker) {
  const engine::Catalog& catalog = *image.catalog;
  const auto may_see = [&](const std::string& topic) {
    return check_declare(*image.users, asker, topic).has_value();
  };
  for (const std::string& each : {name, engine::upper_case(name)}) {
    if (const engine::DataSource* source = catalog.find_source(each); source)
      return !may_see(source->topic);
    if (const engine::PersistentQuery* query = catalog.find_query(each)) {
      const engine::DataSource* sink = catalog.find_source(query->sink);
      return !sink || !may_see(sink->topic);
    }
  }
  return image.topics->find(name) && !may_see(name);
}

// Returns the hint for a path into a column of the SELECT's source: payload.a.b. PostgreSQL's parser reads the path as
// schema.table.column, so the error names the second part.
std::string hint_for_path(const engine::Query& query, std::span<const std::string> parts,
                          const engine::Catalog& catalog) {
  constexpr size_t kLeastParts = 3;
  if (parts.size() < kLeastParts || !query.from || query.from->query) return {};
  const engine::DataSource* source = catalog.find_source(query.from->name.text);
  if (!source) return {};
  const std::string column = engine::upper_case(parts.front());
  const int place = source->schema.index_of(column);
  if (place < 0) return {};
  const engine::SqlType& type = source->schema.columns[static_cast<size_t>(place)].type;
  if (type.kind() == engine::TypeKind::String)
    return engine::hint_for_members(column, parts.subspan(1));
  if (type.kind() != engine::TypeKind::Struct) return {};
  return fmt::format("{} is a STRUCT: {}.", column,
                     engine::upper_case(fmt::format("{}", fmt::join(parts, "->"))));
}

}  // namespace

std::optional<std::string> hint_for_other_kind(const MetadataImage& image, std::string_view verb,
                                               std::string_view name) {
  if (const std::string_view connector = name_in(*image.connectors, name); !connector.empty())
    return fmt::format("{0} is a connector: {1} CONNECTOR {0}.", connector, verb);
  const std::string_view link = name_in(*image.links, name);
  if (link.empty()) return std::nullopt;
  if (verb == "DESCRIBE") return fmt::format("{0} is a link: DESCRIBE LINK {0}.", link);
  return fmt::format("{} is a link. DROP LINK closes its connections, and CREATE LINK opens them.",
                     link);
}

Error with_hint_for_names(Error error, const engine::ParsedStatement& statement,
                          const MetadataImage& image) {
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  if (!query || error.code != ErrorCode::UndefinedSource || !error.position ||
      error.position->offset < statement.start.offset)
    return error;
  const size_t offset = error.position->offset - statement.start.offset;
  if (offset >= statement.text.size()) return error;
  const std::vector<std::string> parts = parts_at(std::string_view(statement.text).substr(offset));
  if (parts.empty()) return error;
  if (error.message.starts_with("relation ") && parts.size() > 1)
    if (const std::string_view link = name_in(*image.links, parts.front()); !link.empty()) {
      const std::string topic = fmt::format("{}", fmt::join(parts.begin() + 1, parts.end(), "."));
      error.hint = fmt::format(
          "{0} is a link. PRINT '{1}' FROM LINK {0} shows the records of the topic {1}.", link,
          topic);
      return error;
    }
  if (std::string hint = hint_for_path(*query, parts, *image.catalog); !hint.empty())
    error.hint = std::move(hint);
  return error;
}

Error without_hidden_names(Error error, const MetadataImage& image, const Asker& asker) {
  const bool is_about_names = error.code == ErrorCode::UndefinedSource ||
                              error.code == ErrorCode::UndefinedObject ||
                              error.code == ErrorCode::UnknownTopic;
  if (!is_about_names || is_superuser(*image.users, asker)) return error;
  const std::vector<std::string> names = names_in_hint(error.hint);
  if (std::ranges::none_of(names,
                           [&](const std::string& name) { return is_hidden(name, image, asker); }))
    return error;
  error.hint.clear();
  // ksqlDB's text repeats the proposal in a second line.
  error.ksqldb.resize(
      std::min(error.ksqldb.find("\n" + std::string(kProposal)), error.ksqldb.size()));
  return error;
}

}  // namespace server
