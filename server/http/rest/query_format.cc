#include "server/http/rest/query_format.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <iterator>
#include <vector>

#include "engine/formats/format.h"
#include "engine/json/json_writer.h"
#include "engine/types/text_json.h"
#include "server/http/accept.h"
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

// Returns the last object of the rows.
std::string final_message(bool has_reached_limit, std::span<const std::string> warnings) {
  std::string text = has_reached_limit ? "Limit Reached" : "Query Completed";
  for (const std::string& warning : warnings) text += "\nWARNING: " + warning;
  engine::JsonWriter json;
  json.begin_object();
  json.member("finalMessage", text);
  json.end_object();
  return json.take();
}

// Writes the header and the rows of RowObjectFormat.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Status begin(const QueryResult& result, engine::JsonWriter& header) = 0;
  virtual void row(std::span<const engine::ColumnPtr> columns, size_t row, std::string& out) = 0;
};

class ColumnsWriter final : public RowWriter {
 public:
  Status begin(const QueryResult& result, engine::JsonWriter& header) override {
    header.key("schema");
    header.text(schema_text(result.prepared));
    return {};
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, std::string& out) override {
    out += R"("columns":)";
    append_values(columns, row, out);
  }
};

class ProtobufRowWriter final : public RowWriter {
 public:
  Status begin(const QueryResult& result, engine::JsonWriter& header) override {
    const engine::FormatSpec spec{.name = "PROTOBUF_NOSR"};
    std::vector<engine::ColumnDef> columns;
    for (const sql::ResultColumn& column : result.prepared.columns)
      columns.push_back({column.exact_name.empty() ? column.name : column.exact_name, column.type});
    writer_ = TRY(engine::make_writer(spec, columns, engine::Side::Value));
    header.key("protoSchema");
    header.text(engine::derive_schema(spec, columns, engine::Side::Value).text);
    return {};
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, std::string& out) override {
    columns_.clear();
    for (const engine::ColumnPtr& column : columns) columns_.push_back(column.get());
    encoded_.clear();
    writer_->write(columns_, {row, row + 1}, nullptr, encoded_);
    out += R"("protobufBytes":")";
    out += absl::Base64Escape(encoded_.bytes);
    out += '"';
  }

 private:
  std::unique_ptr<engine::Writer> writer_;
  std::vector<const engine::Column*> columns_;
  engine::EncodedRows encoded_;
};

class RowObjectFormat final : public QueryFormat {
 public:
  // `type` is kKsqlProtobuf or kKsqlJson.
  explicit RowObjectFormat(std::string_view type) : type_(type) {
    if (type == kKsqlProtobuf)
      writer_ = std::make_unique<ProtobufRowWriter>();
    else
      writer_ = std::make_unique<ColumnsWriter>();
  }
  std::string_view content_type() const override { return type_; }

  Status begin(const QueryResult& result, std::string& out) override {
    // Each row of a push query ends with a comma and a line break, so that a client that reads
    // lines gets the row immediately.
    is_push_ = result.is_push();
    tells_end_ = is_push_ || result.prepared.reads_stream;
    engine::JsonWriter header;
    header.begin_object();
    header.key("header");
    header.begin_object();
    header.key("queryId");
    header.text(result.query_id);
    TRY(writer_->begin(result, header));
    header.end_object();
    header.end_object();
    out += '[';
    out += header.json();
    if (is_push_) out += ",\n";
    return {};
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
           std::string& out) override {
    if (!is_push_) out += ",\n";
    out += R"({"row":{)";
    writer_->row(columns, row, out);
    out += is_delete ? R"(,"tombstone":true}})" : "}}";
    if (is_push_) out += ",\n";
  }
  // Warnings are sent as part of the final message. ksqlDB's Java client ignores a final message,
  // and ksqlDB's command line shows it. If a warning were an object in place of a row, the Java
  // client would fail, because it does not know the object's member.
  void end(bool has_reached_limit, std::span<const std::string> warnings,
           std::string& out) override {
    if (tells_end_ || !warnings.empty()) {
      if (!is_push_) out += ",\n";
      out += final_message(has_reached_limit, warnings);
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
  const std::string_view type_;
  std::unique_ptr<RowWriter> writer_;
  bool is_push_ = false, tells_end_ = false;
};

class RowArrayFormat final : public QueryFormat {
 public:
  // kKsqldb: rows of exactly the columns, as ksqlDB's clients require. kMarked: the array of a deleted row has one
  // more element, {"tombstone":true}, because its values alone would look like a row of nulls.
  enum class Deletes : uint8_t { kKsqldb, kMarked };
  explicit RowArrayFormat(bool is_array, Deletes deletes = Deletes::kKsqldb)
      : is_array_(is_array), marks_deletes_(deletes == Deletes::kMarked) {}
  std::string_view content_type() const override { return is_array_ ? kJson : kDelimited; }

  Status begin(const QueryResult& result, std::string& out) override {
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
    return {};
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
           std::string& out) override {
    if (is_array_) out += ",\n";
    append_values(columns, row, out);
    if (is_delete && marks_deletes_) out.replace(out.size() - 1, 1, R"(,{"tombstone":true}])");
    if (!is_array_) out += '\n';
  }
  // No message follows the rows, because ksqlDB's Java client treats every object after the first one as an error.
  void end(bool, std::span<const std::string>, std::string& out) override {
    if (is_array_) out += "]\n";
  }
  void fail(const Error& error, std::string& out) override {
    if (is_array_) out += ",\n";
    out += error_object(error);
    out += is_array_ ? "]\n" : "\n";
  }

 private:
  const bool is_array_, marks_deletes_;
};

// The content type for a client that does not choose a format: it sends no Accept header, or */*. The rows of this
// format mark deletes (RowArrayFormat::Deletes::kMarked). A client that requests one of ksqlDB's types, as ksqlDB's
// Java client does, gets exactly ksqlDB's format.
constexpr std::string_view kOpenChoice = "x-millrace/open";

class EventFormat final : public QueryFormat {
 public:
  std::string_view content_type() const override { return kEventStream; }
  std::vector<Header> headers() const override {
    // nginx buffers answers unless this header forbids it.
    return {{"cache-control", "no-store"}, {"x-accel-buffering", "no"}};
  }
  std::string_view sign_of_life() const override { return ":\n\n"; }

  Status begin(const QueryResult& result, std::string& out) override {
    out += "event: header\ndata: ";
    TRY(RowArrayFormat(false).begin(result, out));  // ends with a line break
    out += '\n';
    return {};
  }
  void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
           std::string& out) override {
    if (is_delete) out += "event: delete\n";
    out += "data: ";
    append_values(columns, row, out);
    out += "\n\n";
  }
  void end(bool has_reached_limit, std::span<const std::string> warnings,
           std::string& out) override {
    fmt::format_to(std::back_inserter(out), "event: end\nid: {}\ndata: {}\n\n", kEndEventId,
                   final_message(has_reached_limit, warnings));
  }
  void fail(const Error& error, std::string& out) override {
    out += "event: error\ndata: ";
    out += error_object(error);
    out += "\n\n";
  }
};

}  // namespace

// Chooses the format as ksqlDB's QueryStreamHandler does.
std::unique_ptr<QueryFormat> make_query_format(QueryEndpoint endpoint, std::string_view accept) {
  if (endpoint == QueryEndpoint::Query) {
    const auto type = accepted_type(accept, {kKsqlJson, kJson, kDelimited, kKsqlProtobuf});
    if (type == kDelimited) return std::make_unique<RowArrayFormat>(false);
    return std::make_unique<RowObjectFormat>(type == kKsqlProtobuf ? kKsqlProtobuf : kKsqlJson);
  }
  const auto type =
      endpoint == QueryEndpoint::EventStream
          ? accepted_type(accept, {kEventStream, kDelimited, kJson, kKsqlJson, kKsqlProtobuf})
          : accepted_type(accept,
                          {kOpenChoice, kDelimited, kJson, kKsqlJson, kKsqlProtobuf, kEventStream});
  if (type == kOpenChoice)
    return std::make_unique<RowArrayFormat>(false, RowArrayFormat::Deletes::kMarked);
  if (type == kEventStream) return std::make_unique<EventFormat>();
  if (type == kKsqlJson || type == kKsqlProtobuf) return std::make_unique<RowObjectFormat>(*type);
  return std::make_unique<RowArrayFormat>(type == kJson);
}

bool wants_array(std::string_view accept) {
  return accepted_type(accept, {kDelimited, kJson}) == kJson;
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
