// How rows of a query are written: the two forms that ksqlDB's API has, and each of them as a whole JSON
// document too.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/sql/port.h"

namespace server::http {

struct QueryResult {
  std::string query_id;
  const sql::Prepared& prepared;
  bool is_push() const { return prepared.kind == sql::ResultKind::PushRows; }
};

// Appends to `out`. The caller keeps the order: begin, rows, end or error.
//
// Threads: one.
class QueryFormat {
 public:
  virtual ~QueryFormat() = default;
  virtual std::string_view content_type() const = 0;
  // Fails where the columns have no such form.
  virtual Status begin(const QueryResult& result, std::string& out) = 0;
  virtual void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
                   std::string& out) = 0;
  virtual void end(bool has_reached_limit, std::string& out) = 0;
  virtual void fail(const Error& error, std::string& out) = 0;
};

// How rows stand in their objects: as arrays, or as the bytes of a Protobuf message, in base64, whose schema the header has.
enum class RowForm : uint8_t { Columns, Protobuf };
// Of /query: [{"header":{...}},{"row":{"columns":[...]}},...], one on each line.
std::unique_ptr<QueryFormat> make_row_object_format(RowForm form = RowForm::Columns);
// Of /query-stream: {"queryId":...} and then an array for each row, a line each; or all of that in an array.
enum class StreamForm : uint8_t { Lines, Array };
std::unique_ptr<QueryFormat> make_row_array_format(StreamForm form);

// "`ID` STRING KEY, `N` BIGINT"
std::string schema_text(const sql::Prepared& prepared);

}  // namespace server::http
