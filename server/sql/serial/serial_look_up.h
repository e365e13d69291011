// Finds the first free numbers of a table's SERIAL columns by reading its rows.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "server/sql/execution.h"

namespace server {

// Returns whether no partition of the topic has a record that can be read. May be called on any thread.
bool is_empty(const storage::Log& log, const storage::TopicInfo& topic);

// Threads: the session's loop. Owner: the statement that waits for it.
class SerialLookUp final : private sql::Receiver {
 public:
  // Returns an object that looks up the first free numbers of the table's SERIAL columns, or null
  // if they are known for all of these columns. The first number of an empty table is 1.
  static std::unique_ptr<SerialLookUp> make(SqlSession& session, const MetadataImage& image,
                                            const engine::DataSource& table);
  // Returns an object that looks up the numbers of a table whose sequence the statement may use with
  // nextval(): the name of the table or of the sequence occurs in the text of the statement or in a
  // parameter. Returns null if no such table has unknown numbers, or if the session may not read
  // the table or may not write to it.
  static std::unique_ptr<SerialLookUp> make_for_calls(SqlSession& session,
                                                      const MetadataImage& image,
                                                      const SqlPrepared& prepared,
                                                      std::span<const engine::Value> parameters);
  // Begins the look-up. `done` is called once, on the loop, and not after this object is destroyed.
  void begin(std::function<void(Status)> done);

 private:
  SerialLookUp(SqlSession& session, Uuid topic, const engine::DataSource& table,
               std::vector<size_t> columns);
  Result<std::unique_ptr<sql::Execution>> start();
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_notice(sql::Notice) override {}
  void on_done(sql::Completion) override;
  void on_error(Error error) override;
  void end(Status status);

  SqlSession& session_;
  const Uuid topic_;
  const std::vector<size_t> columns_;
  std::string text_;
  std::function<void(Status)> done_;
  std::unique_ptr<sql::Execution> select_;
  const WeakCallback callback_;
};

// Waits for the look-up, then runs the statement.
Result<std::unique_ptr<sql::Execution>> run_after_look_up(
    SqlSession& session, sql::Receiver& receiver, std::unique_ptr<SerialLookUp> look_up,
    std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters);

}  // namespace server
