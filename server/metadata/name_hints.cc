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

// Returns the name of the connector, as it was created; an empty text if none exists. SHOW CONNECTORS lists all
// connectors to every role.
std::string_view connector_named(const MetadataImage& image, std::string_view name) {
  for (const auto& [known, connector] : *image.connectors)
    if (engine::equals_ignoring_case(known, name)) return known;
  return {};
}

// Returns the name of the link, as it was created; an empty text if there is none that the role may use.
std::string_view usable_link(const MetadataImage& image, const Asker& asker,
                             std::string_view name) {
  for (const auto& [known, link] : *image.links)
    if (engine::equals_ignoring_case(known, name) &&
        check_use_link(*image.users, asker, known, link->owner))
      return known;
  return {};
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

std::optional<std::string> hint_for_other_kind(const MetadataImage& image, const Asker& asker,
                                               std::string_view verb, std::string_view name) {
  if (const std::string_view connector = connector_named(image, name); !connector.empty())
    return fmt::format("{0} is a connector: {1} CONNECTOR {0}.", connector, verb);
  const std::string_view link = usable_link(image, asker, name);
  if (link.empty()) return std::nullopt;
  if (verb == "DESCRIBE") return fmt::format("{0} is a link: DESCRIBE LINK {0}.", link);
  return fmt::format("{} is a link. DROP LINK closes its connections, and CREATE LINK opens them.",
                     link);
}

Error with_hint_for_names(Error error, const engine::ParsedStatement& statement,
                          const MetadataImage& image, const Asker& asker) {
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  if (!query || error.code != ErrorCode::UndefinedSource || !error.position ||
      error.position->offset < statement.start.offset)
    return error;
  const size_t offset = error.position->offset - statement.start.offset;
  if (offset >= statement.text.size()) return error;
  const std::vector<std::string> parts = parts_at(std::string_view(statement.text).substr(offset));
  if (parts.empty()) return error;
  if (error.message.starts_with("relation ") && parts.size() > 1)
    if (const std::string_view link = usable_link(image, asker, parts.front()); !link.empty()) {
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

engine::MaySeeTopic visible_to(const storage::Users& users, const Asker& asker) {
  if (is_superuser(users, asker)) return {};
  return [&users, asker](const std::string& topic) {
    return check_declare(users, asker, topic).has_value();
  };
}

}  // namespace server
