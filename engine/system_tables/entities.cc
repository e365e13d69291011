#include "engine/system_tables/entities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/functions/registry.h"
#include "engine/json/json_writer.h"
#include "engine/plan/query_plan.h"
#include "engine/system_tables/information_parts.h"
#include "engine/types/text_json.h"

namespace engine {
namespace {

// ---- Members that are null or lists

void add_null(JsonWriter& json, std::string_view name) {
  json.key(name);
  json.null();
}
template <class Items, class Write>
void add_list(JsonWriter& json, std::string_view name, const Items& items, Write write) {
  json.key(name);
  json.begin_array();
  for (const auto& item : items) write(item);
  json.end_array();
}
void add_nothing(JsonWriter& json, std::string_view name) {
  json.key(name);
  json.begin_array();
  json.end_array();
}
void add_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  add_list(json, name, texts, [&](const std::string& text) { json.text(text); });
}

// ---- Streams and tables

void write_source(JsonWriter& json, const DataSource& source) {
  json.begin_object();
  json.member("type", source.kind == SourceKind::Stream ? "STREAM" : "TABLE");
  json.member("name", source.name);
  json.member("topic", source.topic);
  json.member("keyFormat", source.key_format.name);
  json.member("valueFormat", source.value_format.name);
  json.member("isWindowed", source.window.has_value());
  json.end_object();
}

// ---- Queries

// Returns the state as one of the words that ksqlDB's own classes accept; they fail for any other word.
std::string_view api_state_of(const PersistentQuery& query, const QueryStatuses& statuses) {
  const auto found = statuses.find(query.id);
  const std::string_view state = found == statuses.end() ? "" : found->second.state;
  if (state == "ERROR") return "ERROR";
  if (state == "WAITING") return "UNRESPONSIVE";
  if (state == "PAUSED" || (state.empty() && query.state == DesiredState::Paused)) return "PAUSED";
  return "RUNNING";
}

void write_query(JsonWriter& json, const PersistentQuery& query,
                 const InformationContext& context) {
  std::vector<std::string> sinks, topics;
  if (!query.sink.empty()) {
    sinks.push_back(query.sink);
    if (const DataSource* sink = context.catalog.find_source(query.sink))
      topics.push_back(sink->topic);
  }
  const std::string_view state = api_state_of(query, context.statuses);
  json.begin_object();
  json.member("queryString", query.sql);
  add_texts(json, "sinks", sinks);
  add_texts(json, "sinkKafkaTopics", topics);
  json.member("id", query.id);
  json.key("statusCount");
  json.begin_object();
  json.member(state, 1);
  json.end_object();
  json.member("queryType", "PERSISTENT");
  json.member("state", state);
  json.end_object();
}

std::vector<const PersistentQuery*> queries_where(const InformationContext& context,
                                                  auto is_wanted) {
  std::vector<const PersistentQuery*> found;
  for (const RunningQuery& running : context.queries.all())
    if (running.query->kind != QueryKind::SourceTable && is_wanted(*running.query) &&
        may_see_query(*running.query, context))
      found.push_back(running.query);
  return found;
}

// ---- DESCRIBE

void write_field(JsonWriter& json, std::string_view name, const SqlType& type,
                 std::string_view role, std::string_view header_key = {}) {
  json.begin_object();
  json.member("name", name);
  json.key("schema");
  write_type(json, type);
  if (!role.empty()) json.member("type", role);
  if (!header_key.empty()) json.member("headerKey", header_key);
  json.end_object();
}

void write_fields(JsonWriter& json, const Schema& schema) {
  json.begin_array();
  for (const ColumnDef& column : schema.columns)
    write_field(json, column.name, column.type,
                column.role == ColumnRole::Key       ? "KEY"
                : column.role == ColumnRole::Headers ? "HEADER"
                                                     : "",
                column.header_key);
  json.end_array();
}

void write_description(JsonWriter& json, const DataSource& source, bool extended,
                       const InformationContext& context) {
  constexpr std::array<std::string_view, 3> kWindows = {"TUMBLING", "HOPPING", "SESSION"};
  const auto write = [&](const PersistentQuery* query) { write_query(json, *query, context); };
  json.begin_object();
  json.member("name", source.name);
  if (source.window)
    json.member("windowType", kWindows[static_cast<size_t>(source.window->type)]);
  else
    add_null(json, "windowType");
  add_list(json, "readQueries",
           queries_where(context,
                         [&](const PersistentQuery& query) {
                           return std::ranges::find(query.sources, source.name) !=
                                  query.sources.end();
                         }),
           write);
  add_list(json, "writeQueries",
           queries_where(context,
                         [&](const PersistentQuery& query) { return query.sink == source.name; }),
           write);
  json.key("fields");
  write_fields(json, source.schema);
  json.member("type", source.kind == SourceKind::Stream ? "STREAM" : "TABLE");
  json.member("timestamp", source.timestamp ? source.timestamp->column : "");
  json.member("statistics", "");
  json.member("errorStats", "");
  json.member("extended", extended);
  json.member("keyFormat", source.key_format.name);
  json.member("valueFormat", source.value_format.name);
  json.member("topic", source.topic);
  json.member("partitions", extended ? source.partitions : 0);
  json.member("replication", extended ? 1 : 0);
  json.member("statement", source.sql);
  for (const char* name :
       {"queryOffsetSummaries", "sourceConstraints", "clusterStatistics", "clusterErrorStats"})
    add_nothing(json, name);
  json.end_object();
}

// ---- EXPLAIN

void write_query_description(JsonWriter& json, const PersistentQuery* query, std::string_view text,
                             const InformationRows& plan, const InformationContext& context) {
  std::string lines;
  for (size_t row = 0; row < plan.rows; ++row)
    fmt::format_to(std::back_inserter(lines), "{}\n",
                   plan.columns[0]->data<std::string_view>()[row]);
  const DataSource* sink = query ? context.catalog.find_source(query->sink) : nullptr;
  json.begin_object();
  json.member("id", query ? query->id : "");
  json.member("statementText", query ? query->sql : text);
  add_null(json, "windowType");
  json.key("fields");
  write_fields(json, sink ? sink->schema : Schema());
  add_texts(json, "sources", query ? query->sources : std::vector<std::string>());
  add_texts(json, "sinks", query && sink ? std::vector{query->sink} : std::vector<std::string>());
  json.member("topology", "");
  json.member("executionPlan", lines);
  json.key("overriddenProperties");
  json.begin_object();
  if (query)
    for (const auto& [name, value] : query->properties) json.member(name, value);
  json.end_object();
  json.key("ksqlHostQueryStatus");
  json.begin_object();
  json.end_object();
  json.member("queryType", query ? "PERSISTENT" : "PUSH");
  add_nothing(json, "queryErrors");
  add_nothing(json, "tasksMetadata");
  if (query) json.member("state", api_state_of(*query, context.statuses));
  json.end_object();
}

// ---- Functions

void write_functions(JsonWriter& json) {
  constexpr std::array<std::string_view, 3> kKinds = {"SCALAR", "TABLE", "AGGREGATE"};
  add_list(json, "functions", Registry::instance().entries(), [&](const Registry::Entry& entry) {
    json.begin_object();
    json.member("name", entry.name);
    json.member("type", kKinds[static_cast<size_t>(entry.kind)]);
    json.member("category", entry.overloads.front().family->name);
    json.end_object();
  });
}

// Returns the name of an argument's type. In arguments ksqlDB's API uses STRING, in all other places VARCHAR.
std::string argument_type(const TypePattern& pattern) {
  std::string text = pattern.to_string();
  constexpr std::string_view kVarchar = "VARCHAR";
  for (size_t at = 0; (at = text.find(kVarchar, at)) != text.npos;)
    text.replace(at, kVarchar.size(), "STRING");
  return text;
}

void write_function(JsonWriter& json, const std::string& name, const InformationRows& rows) {
  const std::span<const Overload> overloads = Registry::instance().find(name);  // one for each row
  const auto text = [&](size_t column, size_t row) {
    return rows.columns[column]->is_null(row) ? std::string_view()
                                              : rows.columns[column]->data<std::string_view>()[row];
  };
  json.member("name", name);
  json.member("description", text(4, 0));
  json.member("author", "");
  json.member("version", "");
  json.member("path", "internal");
  json.key("functions");
  json.begin_array();
  for (size_t row = 0; row < rows.rows; ++row) {
    json.begin_object();
    add_list(json, "arguments", overloads[row].signature.parameters,
             [&](const SignatureParameter& parameter) {
               json.begin_object();
               json.member("name", parameter.name);
               json.member("type", argument_type(parameter.pattern));
               json.member("description", "");
               json.member("isVariadic", parameter.is_variadic);
               json.end_object();
             });
    json.member("returnType", text(3, row));
    json.member("description", text(4, row));
    json.end_object();
  }
  json.end_array();
  json.member("type", text(1, 0));
}

// ---- Results without an object in ksqlDB

void write_rows(JsonWriter& json, const InformationRows& rows) {
  add_list(json, "columns", rows.schema.columns,
           [&](const ColumnDef& column) { json.text(column.name); });
  json.key("rows");
  json.begin_array();
  for (size_t row = 0; row < rows.rows; ++row) {
    json.begin_array();
    for (const ColumnPtr& column : rows.columns) {
      std::string value;
      append_json_value(value, *column, row, JsonTimes::Iso);
      json.raw(value);
    }
    json.end_array();
  }
  json.end_array();
}

// Writes all members except the common first and last ones. The rows are those of answer_information().
class Entity {
 public:
  Entity(JsonWriter& json, const InformationContext& context, const InformationRows& rows,
         std::string_view text)
      : json_(json), context_(context), rows_(rows), text_(text) {}

  std::string_view operator()(const Show& show) {
    switch (show.kind) {
      case ShowKind::Streams:
      case ShowKind::Tables:
        return sources(show);
      case ShowKind::Topics:
        return topics(show);
      case ShowKind::Queries:
        add_list(json_, "queries",
                 queries_where(context_, [](const PersistentQuery&) { return true; }),
                 [&](const PersistentQuery* query) { write_query(json_, *query, context_); });
        return "queries";
      case ShowKind::Functions:
        write_functions(json_);
        return "function_names";
      case ShowKind::Types:
        json_.key("types");
        json_.begin_object();
        for (const auto& [name, type] : context_.catalog.types) {
          json_.key(name);
          write_type(json_, type);
        }
        json_.end_object();
        return "type_list";
      case ShowKind::Properties:
        return properties();
      case ShowKind::Variables:
        add_list(json_, "variables", context_.variables, [&](const auto& variable) {
          json_.begin_object();
          json_.member("name", variable.first);
          json_.member("value", variable.second);
          json_.end_object();
        });
        return "variables";
      default:
        write_rows(json_, rows_);
        return "rows";
    }
  }
  std::string_view operator()(const DescribeSource& describe) {
    const DataSource* source = context_.catalog.find_source(describe.name.text);
    if (!source) {  // the catalog has the name in another spelling
      write_rows(json_, rows_);
      return "rows";
    }
    json_.key("sourceDescription");
    write_description(json_, *source, describe.extended, context_);
    return "sourceDescription";
  }
  std::string_view operator()(const DescribeSources& describe) {
    json_.key("sourceDescriptions");
    json_.begin_array();
    for (const auto& [name, source] : context_.catalog.sources())
      if (source->kind == describe.kind && may_see_source(*source, context_))
        write_description(json_, *source, describe.extended, context_);
    json_.end_array();
    return "source_descriptions";
  }
  std::string_view operator()(const DescribeFunction& describe) {
    write_function(json_, describe.name, rows_);
    return "describe_function";
  }
  std::string_view operator()(const Explain& explain) {
    const auto running =
        explain.query_id ? context_.queries.find(explain.query_id->text) : std::nullopt;
    json_.key("queryDescription");
    write_query_description(json_, running ? running->query : nullptr,
                            explain.statement ? explain.statement->text : text_, rows_, context_);
    return "queryDescription";
  }
  std::string_view operator()(const auto&) { return "rows"; }

 private:
  std::string_view sources(const Show& show) {
    const SourceKind kind = show.kind == ShowKind::Streams ? SourceKind::Stream : SourceKind::Table;
    if (show.extended) return (*this)(DescribeSources{kind, true});
    const std::string_view name = kind == SourceKind::Stream ? "streams" : "tables";
    json_.key(name);
    json_.begin_array();
    for (const std::string_view shown : rows_.columns[0]->data<std::string_view>())
      if (const DataSource* source = context_.catalog.find_source(shown))
        write_source(json_, *source);
    json_.end_array();
    return name;
  }
  std::string_view topics(const Show& show) {
    json_.key("topics");
    json_.begin_array();
    for (size_t row = 0; row < rows_.rows; ++row) {
      json_.begin_object();
      json_.member("name", rows_.columns[0]->data<std::string_view>()[row]);
      json_.key("replicaInfo");
      json_.begin_array();
      for (int64_t i = 0; i < rows_.columns[1]->data<int64_t>()[row]; ++i)
        json_.number(rows_.columns[2]->data<int64_t>()[row]);
      json_.end_array();
      if (show.extended) {
        json_.member("consumerCount", 0);
        json_.member("consumerGroupCount", 0);
      }
      json_.end_object();
    }
    json_.end_array();
    return show.extended ? "kafka_topics_extended" : "kafka_topics";
  }
  std::string_view properties() {
    json_.key("properties");
    json_.begin_array();
    for (size_t row = 0; row < rows_.rows; ++row) {
      json_.begin_object();
      json_.member("name", rows_.columns[0]->data<std::string_view>()[row]);
      json_.member("scope", "KSQL");
      json_.member("value", rows_.columns[1]->data<std::string_view>()[row]);
      json_.member("editable", rows_.columns[2]->data<std::string_view>()[row] != "server");
      json_.member("level", "QUERY");
      json_.end_object();
    }
    json_.end_array();
    add_nothing(json_, "overwrittenProperties");
    add_nothing(json_, "defaultProperties");
    return "properties";
  }

  JsonWriter& json_;
  const InformationContext& context_;
  const InformationRows& rows_;
  const std::string_view text_;
};

}  // namespace

void write_type(JsonWriter& json, const SqlType& type) {
  json.begin_object();
  json.member("type", kind_name(type.kind()));
  if (type.kind() == TypeKind::Struct)
    add_list(json, "fields", type.fields(),
             [&](const Field& field) { write_field(json, field.name, field.type, {}); });
  else
    add_null(json, "fields");
  json.key("memberSchema");
  if (type.kind() == TypeKind::Array)
    write_type(json, type.element());
  else if (type.kind() == TypeKind::Map)
    write_type(json, type.value());
  else
    json.null();
  if (type.kind() == TypeKind::Decimal) {
    json.key("parameters");
    json.begin_object();
    json.member("precision", type.precision());
    json.member("scale", type.scale());
    json.end_object();
  }
  json.end_object();
}

Result<std::string> information_entity(const Statement& statement, std::string_view text,
                                       const InformationContext& context) {
  const InformationRows rows = TRY(answer_information(statement, context));
  JsonWriter members;
  members.begin_object();
  const std::string_view type = std::visit(Entity(members, context, rows, text), statement);
  add_nothing(members, "warnings");
  members.end_object();
  // The type is the first member, but is known only after the other members were written, so the beginning of the
  // object is written last.
  JsonWriter begin;
  begin.begin_object();
  begin.member("@type", type);
  begin.member("statementText", text);
  return begin.json() + "," + members.take().substr(1);
}

std::string rows_entity(const InformationRows& rows, std::string_view text) {
  JsonWriter json;
  json.begin_object();
  json.member("@type", "rows");
  json.member("statementText", text);
  write_rows(json, rows);
  add_nothing(json, "warnings");
  json.end_object();
  return json.take();
}

std::string source_description(const DataSource& source, const InformationContext& context) {
  JsonWriter json;
  write_description(json, source, false, context);
  return json.take();
}

}  // namespace engine
