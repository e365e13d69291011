#include "server/http/rest/query_format.h"

#include <fmt/format.h>

#include <iterator>

#include "engine/json/json_writer.h"
#include "engine/types/text_json.h"
#include "server/http/message.h"
#include "server/http/rest/sql_errors.h"

namespace server::http {

namespace {

void append_values(std::span<const engine::ColumnPtr> columns, size_t row, std::string& out) {
  out += '[';
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += ',';
    engine::append_json_value(out, *columns[i], row, engine::JsonTimes::Iso);
  }
  out += ']';
}

class RowObjectFormat final : public QueryFormat {
 public:
  std::string_view content_type() const override { return kKsqlJson; }

  void begin(const QueryResult& result, std::string& out) override {
    // Rows of a push query end with their comma and their line: who reads lines sees them at once.
    is_push_ = result.is_push();
    tells_end_ = is_push_ || result.prepared.reads_stream;
    engine::JsonWriter header;
    header.begin_object();
    header.key("header");
    header.begin_object();
    header.key("queryId");
    header.text(result.query_id);
    header.key("schema");
    header.text(schema_text(result.prepared));
    header.end_object();
    header.end_object();
    out += '[';
    out += header.json();
    if (is_push_) out += ",\n";
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
           std::string& out) override {
    if (!is_push_) out += ",\n";
    out += R"({"row":{"columns":)";
    append_values(columns, row, out);
    out += is_delete ? R"(,"tombstone":true}})" : "}}";
    if (is_push_) out += ",\n";
  }
  void end(bool has_reached_limit, std::string& out) override {
    if (tells_end_) {
      if (!is_push_) out += ",\n";
      fmt::format_to(std::back_inserter(out), R"({{"finalMessage":"{}"}})",
                     has_reached_limit ? "Limit Reached" : "Query Completed");
    }
    out += "]\n";
  }
  void fail(const Error& error, std::string& out) override {
    if (!is_push_) out += ",\n";
    out += R"({"errorMessage":)";
    out += error_object(error);
    out += "}]\n";
  }

 private:
  bool is_push_ = false, tells_end_ = false;
};

class RowArrayFormat final : public QueryFormat {
 public:
  explicit RowArrayFormat(StreamForm form) : is_array_(form == StreamForm::Array) {}
  std::string_view content_type() const override { return is_array_ ? kJson : kDelimited; }

  void begin(const QueryResult& result, std::string& out) override {
    engine::JsonWriter header;
    header.begin_object();
    header.key("queryId");
    header.text(result.query_id);
    header.key("columnNames");
    header.begin_array();
    for (const sql::ResultColumn& column : result.prepared.columns) header.text(column.exact_name);
    header.end_array();
    header.key("columnTypes");
    header.begin_array();
    for (const sql::ResultColumn& column : result.prepared.columns)
      header.text(column.type.to_string());
    header.end_array();
    header.end_object();
    if (is_array_) out += '[';
    out += header.json();
    if (!is_array_) out += '\n';
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, bool,
           std::string& out) override {
    if (is_array_) out += ",\n";
    append_values(columns, row, out);
    if (!is_array_) out += '\n';
  }
  void end(bool, std::string& out) override {
    if (is_array_) out += "]\n";
  }
  void fail(const Error& error, std::string& out) override {
    if (is_array_) out += ",\n";
    out += error_object(error);
    out += is_array_ ? "]\n" : "\n";
  }

 private:
  const bool is_array_;
};

}  // namespace

std::unique_ptr<QueryFormat> make_row_object_format() {
  return std::make_unique<RowObjectFormat>();
}
std::unique_ptr<QueryFormat> make_row_array_format(StreamForm form) {
  return std::make_unique<RowArrayFormat>(form);
}

std::string schema_text(const sql::Prepared& prepared) {
  const bool shows_roles = prepared.kind == sql::ResultKind::Rows && !prepared.reads_stream;
  std::string text;
  for (const sql::ResultColumn& column : prepared.columns) {
    if (!text.empty()) text += ", ";
    fmt::format_to(std::back_inserter(text), "`{}` {}", column.exact_name, column.type.to_string());
    if (shows_roles && !column.role.empty()) text += " " + column.role;
  }
  return text;
}

}  // namespace server::http
