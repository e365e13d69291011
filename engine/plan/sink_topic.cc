#include "engine/plan/sink_topic.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/plan/create_source.h"
#include "engine/plan/source_formats.h"
#include "engine/types/coercion.h"

namespace engine {

namespace {

using Writers = std::multimap<std::string, const PersistentQuery*>;  // by the topic that they write

std::string topic_of(const std::string& source, const Catalog& catalog) {
  const DataSource* found = catalog.find_source(source);
  return found ? found->topic : std::string();
}

// Maps each topic to the queries that write it. Leaves out the query `id`, because the statement creates or replaces
// it.
Writers writers_without(std::string_view id, const Catalog& catalog) {
  Writers writers;
  for (const auto& [name, query] : catalog.queries())
    if (name != id && !query->sink.empty())
      writers.emplace(topic_of(query->sink, catalog), query.get());
  return writers;
}

// Returns the ids of the queries through which rows of `topic` reach one of the sources, from the last query to the
// first; an empty list if a source has this topic; nothing if the rows reach no source.
std::optional<std::vector<std::string>> way_back(const std::vector<std::string>& sources,
                                                 const std::string& topic, const Writers& writers,
                                                 const Catalog& catalog) {
  // For each topic that was found so far: the queries through which the rows reach this topic.
  std::map<std::string, std::vector<std::string>> found;
  std::vector<std::string> next;
  const auto add = [&](const std::string& source, std::vector<std::string> way) {
    const std::string read = topic_of(source, catalog);
    if (!read.empty() && found.emplace(read, std::move(way)).second) next.push_back(read);
  };
  for (const std::string& source : sources) add(source, {});
  for (size_t i = 0; i < next.size(); ++i) {
    const std::string read = next[i];
    if (read == topic) return found.at(read);
    const auto [first, last] = writers.equal_range(read);
    for (auto writer = first; writer != last; ++writer) {
      std::vector<std::string> way = found.at(read);
      way.push_back(writer->second->id);
      for (const std::string& source : writer->second->sources) add(source, way);
    }
  }
  return std::nullopt;
}

// Returns whether any bytes can be read in this format with these columns.
bool reads_all_bytes(const FormatSpec& format, const std::vector<ColumnDef>& columns) {
  return format.name == "KAFKA" && std::ranges::all_of(columns, [](const ColumnDef& column) {
           return column.type.kind() == TypeKind::String || column.type.kind() == TypeKind::Bytes;
         });
}

std::string format_text(const FormatSpec& format) {
  return format.name == "DELIMITED" && format.delimiter != ','
             ? fmt::format("DELIMITED by '{}'", format.delimiter)
             : format.name;
}

// Returns the reason for which `reader` cannot read the keys or values that `writer` writes; empty if it can.
std::string unreadable_side(const FormatSpec& writer, const FormatSpec& reader,
                            const std::vector<ColumnDef>& written,
                            const std::vector<ColumnDef>& read, Side side) {
  if (writer.name == "NONE" || reader.name == "NONE" || read.empty() || written.empty()) return {};
  if (reads_all_bytes(reader, read)) return {};
  const std::string_view word = side == Side::Key ? "keys" : "values";
  if (writer.name != reader.name || writer.delimiter != reader.delimiter)
    return fmt::format("it has {} in the format {}, and the query writes {}", word,
                       format_text(reader), format_text(writer));
  // the registry checks whether the schemas are compatible
  if (can_infer_schema(reader)) return {};
  // These formats, and a key of one column, do not store the names of columns: columns match by their positions.
  const bool by_position = reader.name == "KAFKA" || reader.name == "DELIMITED" ||
                           (side == Side::Key && read.size() == 1 && written.size() == 1);
  for (size_t i = 0; i < read.size(); ++i) {
    const auto same_name = std::ranges::find(written, read[i].name, &ColumnDef::name);
    const auto column =
        by_position ? written.begin() + static_cast<std::ptrdiff_t>(std::min(i, written.size()))
                    : same_name;
    if (column == written.end() || is_implicitly_castable(column->type, read[i].type)) continue;
    // a STRING accepts any JSON
    if (reader.name == "JSON" && read[i].type.kind() == TypeKind::String) continue;
    return fmt::format("its column {} is {}, and the query writes {}", read[i].name,
                       read[i].type.to_string(), column->type.to_string());
  }
  return {};
}

std::vector<ColumnDef> values_of(const DataSource& source) {
  std::vector<ColumnDef> values = source.schema.values();
  std::erase_if(values, [](const ColumnDef& column) { return column.role != ColumnRole::Value; });
  return values;
}

std::string unreadable(const DataSource& writer, const DataSource& reader) {
  if (reader.key_format.name != "NONE" && writer.key_format.name != "NONE" &&
      reader.window.has_value() != writer.window.has_value())
    return writer.window ? "its keys have no window, and those of the query have one"
                         : "its keys have a window, and those of the query have none";
  std::string why = unreadable_side(writer.key_format, reader.key_format, writer.schema.keys(),
                                    reader.schema.keys(), Side::Key);
  if (why.empty())
    why = unreadable_side(writer.value_format, reader.value_format, values_of(writer),
                          values_of(reader), Side::Value);
  return why;
}

// Returns the names of the value columns that `other` lacks.
std::vector<std::string> columns_not_in(const DataSource& other, const DataSource& source) {
  std::vector<std::string> names;
  for (const ColumnDef& column : values_of(source))
    if (other.schema.index_of(column.name) < 0) names.push_back(column.name);
  return names;
}

}  // namespace

Status check_no_cycle(std::string_view id, const std::vector<std::string>& sources,
                      const std::string& topic, const PlanContext& context, TextPosition at) {
  if (context.settings.ksqldb_compat) return {};
  const auto setting = context.properties.find(std::string(kQueryCycles));
  if (setting != context.properties.end() && setting->second == kAllowCycles) return {};
  const auto way = way_back(sources, topic, writers_without(id, context.catalog), context.catalog);
  if (!way) return {};
  Error error{ErrorCode::InvalidStatement,
              fmt::format("the query would read its own rows from topic \"{}\"", topic)};
  error.detail = way->empty() ? fmt::format(
                                    "Topic \"{}\" is the topic of one of its sources: each row "
                                    "would be read and written again without end.",
                                    topic)
                              : fmt::format(
                                    "They come back through {}: each row would be written again "
                                    "without end.",
                                    fmt::join(way->rbegin(), way->rend(), ", "));
  error.hint = fmt::format(
      "Write to another topic. If the rows cannot go round without end, for example because a "
      "WHERE drops them, SET '{}' = '{}' allows the query.",
      kQueryCycles, kAllowCycles);
  return std::move(error).at(at);
}

Result<std::vector<std::string>> check_shared_topic(const DataSource& sink,
                                                    const PlanContext& context, TextPosition at) {
  std::vector<std::string> notices;
  if (context.settings.ksqldb_compat) return notices;
  for (const auto& [name, other] : context.catalog.sources()) {
    if (other->topic != sink.topic || name == sink.name) continue;
    if (const std::string why = unreadable(sink, *other); !why.empty())
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("{} {} could not read the records of the query",
                               kind_word(other->kind), name),
                   fmt::format("It has the same topic \"{}\": {}.", sink.topic, why),
                   "Write to another topic: WITH (KAFKA_TOPIC = 'name')."}
          .at(at);
    std::string notice = fmt::format(
        "topic \"{0}\" is also the topic of {1} {2}: {2} also has the records of the "
        "query, and {3} those of {2}",
        sink.topic, kind_word(other->kind), name, sink.name);
    const auto only_sink = columns_not_in(*other, sink), only_other = columns_not_in(sink, *other);
    if (!only_other.empty())
      notice += fmt::format("; the query does not write {}", fmt::join(only_other, ", "));
    if (!only_sink.empty())
      notice += fmt::format("; {} has no {}", name, fmt::join(only_sink, ", "));
    notices.push_back(std::move(notice));
  }
  return notices;
}

std::string notice_of_kept_topic(const DataSource& sink) {
  return fmt::format(
      "topic \"{}\" existed before, and its records stay in it; DROP {} {} DELETE TOPIC removes "
      "them",
      sink.topic, sink.kind == SourceKind::Table ? "TABLE" : "STREAM", sink.name);
}

}  // namespace engine
