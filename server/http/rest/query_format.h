// Formats in which the rows of a query are sent: those of ksqlDB's API, and server-sent events.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/sql/port.h"

namespace server::http {

struct QueryResult {
  std::string query_id;
  const sql::Prepared& prepared;
  bool is_push() const { return prepared.kind == sql::ResultKind::PushRows; }
};

// Appends rows in one format to `out`. The caller makes the calls in this order: begin(), rows, end() or fail().
//
// Threads: one.
class QueryFormat {
 public:
  virtual ~QueryFormat() = default;
  virtual std::string_view content_type() const = 0;
  virtual std::vector<Header> headers() const { return {}; }
  // Begins the rows. Fails if the columns cannot be written in this format.
  virtual Status begin(const QueryResult& result, std::string& out) = 0;
  virtual void row(std::span<const engine::ColumnPtr> columns, size_t row, bool is_delete,
                   std::string& out) = 0;
  // Ends the rows. `warnings` are facts about all rows, such as the number of records that could
  // not be read. Some formats have no place for warnings and ignore them; the caller then sends
  // them in the headers.
  virtual void end(bool has_reached_limit, std::span<const std::string> warnings,
                   std::string& out) = 0;
  virtual void fail(const Error& error, std::string& out) = 0;
  // Returns bytes that the client ignores. They show the client, and proxies between server and
  // client, that an answer without rows is still open. Empty: the format has no such bytes.
  virtual std::string_view sign_of_life() const { return {}; }
};

// The formats of each endpoint. A client chooses one of them by the Accept header:
//   objects   [{"header":{...}},{"row":{"columns":[...]}},...], one object on each line; the default of /query.
//             For Protobuf, a row has the bytes of a message in base64 in place of columns, and the header has the
//             schema of the messages.
//   lines     {"queryId":...} and then an array for each row, one on each line; the default of /query-stream. If the
//             client names no type, the array of a deleted row ends with {"tombstone":true}.
//   an array  The elements of `lines` in one JSON array.
//   events    server-sent events: one named header, then one for each row, with its array as the data. The event
//             of a deleted row is named "delete", the last event "error" or "end". The default of GET
//             /query-stream.
enum class QueryEndpoint : uint8_t { Query, QueryStream, EventStream };
// The id of the event "end". A browser repeats the request when an answer has ended, and sends the
// id of the last event.
inline constexpr std::string_view kEndEventId = "end";
std::unique_ptr<QueryFormat> make_query_format(QueryEndpoint endpoint, std::string_view accept);
// Returns whether the Accept header prefers one JSON array to separate lines. If it prefers neither of them, the answer
// has lines.
bool wants_array(std::string_view accept);

// Returns the columns in ksqlDB's form: "`ID` STRING KEY, `N` BIGINT".
std::string schema_text(const sql::Prepared& prepared);

}  // namespace server::http
