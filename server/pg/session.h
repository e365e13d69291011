// One client's conversation in the PostgreSQL protocol, without the socket. Its inputs are bytes
// and the backend's events, its output is bytes.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/net/client_session.h"
#include "server/net/input_buffer.h"
#include "server/pg/activity.h"
#include "server/pg/known_look_ups.h"
#include "server/pg/known_parses.h"
#include "server/pg/messages.h"
#include "server/pg/portal.h"
#include "server/pg/session_status.h"
#include "server/sql/port.h"

namespace server {
struct Channel;
class NamedLocks;
namespace auth {
class Access;
}
}  // namespace server

namespace server::pg {

class Authentication;
class CopyInput;
class Notifications;
class SessionAdvisoryLocks;
class SessionNotifications;
struct EndingQuery;
struct PreparedFact;
struct SessionRequest;

// The access rules and the connection of the client. Both are null in some tests, which accept
// every client. All objects outlive the session.
struct SessionSecurity {
  const auth::Access* access = nullptr;
  const Channel* channel = nullptr;
  // Returns whether the remaining connections are reserved for superusers. Null: no connections are
  // reserved.
  const std::function<bool()>* is_reserved = nullptr;
};

struct SessionLimits {
  size_t max_message_bytes = 64 * 1024 * 1024;
  // Limit of the input that waits while a statement runs. At this limit the socket is not read.
  size_t max_waiting_bytes = 1024 * 1024;
  // Limit of output that is produced before it is handed to the connection.
  size_t max_output_bytes = 256 * 1024;
  int64_t startup_timeout_ms = 60'000;  // time until the client must be authenticated
  // A longer text is parsed and planned on another thread.
  size_t max_text_on_loop = 4 * 1024;
  // Longer parameters of one Bind are parsed on another thread: parsing takes up to 0.25 us per
  // byte.
  size_t max_parameters_on_loop = 16 * 1024;
  // Messages and statements are processed for this long before the loop serves other sessions.
  int64_t max_run_us = 1'000;
};

// The pair with which a client's CancelRequest names a session.
struct SessionKey {
  int32_t process_id = 0, secret = 0;
  bool operator==(const SessionKey&) const = default;
};

// The sessions of all loops, as seen by one of them.
class SessionPeers {
 public:
  // Cancels the statement of the session that a CancelRequest names.
  virtual void cancel_session(SessionKey key) = 0;
  virtual std::shared_ptr<Notifications> notifications() = 0;
  // The locks of the sessions of all nodes.
  virtual NamedLocks& locks() = 0;
  // Returns a function that wakes the session on the session's own loop, if the session still
  // exists. The function may be called on any thread.
  virtual std::function<void()> waker_of(SessionKey key) = 0;
  // Returns the status of all authenticated sessions, by number.
  virtual std::vector<SessionStatus> statuses() const { return {}; }
  // Ends the session with this number, if it exists. The session ends on its own loop, a moment
  // after the call.
  virtual void end_session(int32_t /*process_id*/, SessionEnd /*what*/) {}

 protected:
  ~SessionPeers() = default;
};

// Invariants: messages are answered in the order of their arrival;
//             ReadyForQuery outside of a transaction is sent only after all writes are durable, and
//             so is the success of an INSERT outside of a transaction.
// Threads:    one loop.
// Owner:      the connection, or a test. The objects that it refers to outlive it.
class Session : public ClientSession {
 public:
  Session(sql::Backend& backend, SessionHost& host, SessionPeers& peers, const Clock& clock,
          SessionKey key, SessionLimits limits = {}, MemoryAccount* memory = nullptr,
          SessionSecurity security = {});
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes) override;
  void run() override;
  std::string take_output() override;
  bool wants_input() const override;
  bool is_inside_message() const override { return awaits_rest_; }
  void set_output_full(bool is_full) override;
  const std::string& refused_memory() const override { return refused_memory_; }
  std::optional<int64_t> deadline_us() const override;
  bool is_over() const override { return phase_ == Phase::Over; }
  std::string end_reason() const override { return end_reason_; }
  void shut_down(Error reason) override;
  void refuse(Error reason) override;

  // Opens the session for a user that another front end has authenticated, and begins to run the
  // script. The answers have the given form, and the session ends with the script. Call it once, in
  // place of receive(). Both arguments outlive the session.
  Status begin_script(const sql::ScriptRequest& request, sql::AnswerForm& form);
  // Whether the running push query has shown all records that existed at its last step.
  bool has_caught_up() const { return activity_ && activity_->has_caught_up(); }

  // Ends the running statement, if one runs. Called for a CancelRequest.
  void cancel();
  // Ends the connection. Called for an administrator or for another session of the same user.
  void terminate();
  // Called when another session has something for this one, such as a notification or a lock.
  void wake() { host_.wake(); }
  // The status of the session for pg_stat_activity, which other sessions may read.
  const std::shared_ptr<StatusCell>& status() const { return status_; }

 private:
  enum class Phase : uint8_t { Startup, Authentication, Ready, Over };

  using Statements = std::vector<std::shared_ptr<const engine::ParsedStatement>>;

  // Work on other threads. It owns all data that it uses, since the session may end in the
  // meantime.
  struct ParseErrand;
  struct AnalyseErrand;
  struct BindErrand;
  struct Savepoint;

  // A message of the simple query protocol ("Query"). It may contain several statements, which run
  // in order. `next` is the index of the next statement.
  struct Script {
    SharedText text;
    Statements statements;
    size_t next = 0;
    MemoryCharge charge = {};
    bool is_parsed = false;
    std::optional<Error> cancelled;
    std::optional<LiteralShape> shape = {};
    bool is_last() const { return next + 1 == statements.size(); }
  };
  // State of the implicit transaction (one without BEGIN). It contains the changes of one Query
  // message, or of the messages between two Sync messages. None: no implicit transaction is open,
  // and each statement is committed separately.
  enum class Group : uint8_t { None, Open, Committing };

  enum class Begun : uint8_t {
    Now,    // the message is finished, or its activity is running
    Later,  // other work has to finish first; the message is then handled again
  };

  // session.cc and session/*.cc: processing of the input in order
  bool step();  // returns false if nothing can be done now
  bool step_startup();
  bool step_authentication();
  bool startup_is_over();
  // Returns whether a requested shutdown must happen now: the session has answered all messages of
  // the client, or has taken too long to answer them.
  bool must_end() const;
  Error take_last_words();
  Status authenticate(std::unique_ptr<SessionRequest> request);
  int64_t startup_deadline_us() const;
  // Returns the time at which an idle client is disconnected; nothing if the client may stay.
  std::optional<int64_t> idle_deadline_us() const;
  void end_if_idle();
  bool step_activity();
  // Processes the input of the running COPY. Returns true if the next step can continue the COPY.
  bool feed_copy();
  bool begin_copy_message();  // false: no message, or the last message of the COPY
  void feed_copy_data();
  void feed_copy_end(const Frame& frame);
  std::string message_of_copy_fail(const Frame& frame);
  void look_for_end();
  void begin_activity(std::unique_ptr<Activity> activity, SharedText text);
  bool step_script();
  // Keeps the statements of the script that sql::AnswerForm selects, and discards the others.
  Status choose_statements();
  // Rolls back the transaction that a script has left open. Returns whether one was open.
  bool end_open_transaction();
  bool step_message();
  // Returns the next message, if it is complete. The message stays in the input until it is
  // consumed.
  std::optional<Frame> next_message();
  void ask_for_room();
  Status accept_startup(std::string_view body, int32_t code);
  Status open_session(const SessionRequest& request);
  Status apply_setting(const std::string& name, const std::string& value);
  bool has_rights_of_user() const;
  // Handles a message. Returns false if other work has to finish first; the message then stays in
  // the input.
  bool handle(const Frame& frame);
  void handle_query(std::string_view text);
  void finish_script();
  // session_look_ups.cc: if the text is a known look-up, and its row can be read within the call,
  // sends the whole answer of the script and returns true.
  bool answer_at_hand();
  void learn_look_up(const PreparedStatement& as_it_stands);
  static bool has_same_columns(const sql::Prepared& one, const sql::Prepared& other);
  Result<PreparedStatementPtr> analyse_look_up(const LiteralShape& shape);
  void discard(Statements statements);
  void discard_prepared();
  Result<Begun> begin_statement(const std::shared_ptr<const engine::ParsedStatement>& statement);
  PortalRun run_of_query(const PreparedStatementPtr& statement);
  // Returns the encoder of the rows of a statement that are not sent by COPY.
  std::unique_ptr<RowEncoder> make_row_encoder(const std::vector<sql::ResultColumn>& columns,
                                               std::vector<Format> formats) const;
  // If the session runs a script, prepares the portal for the script's AnswerForm.
  void use_form(Portal& portal) const;
  // Returns the limit that the script's form sets for the number of rows of the statement.
  std::optional<uint64_t> form_limit(const PreparedStatement& statement) const;
  // Returns whether the statement can be part of the open implicit transaction (see Group). If it
  // cannot, that transaction has to be committed first.
  bool joins_group(const PreparedStatement& statement) const;
  void begin_group();
  void begin_group_commit();
  // Drops the changes of the implicit transaction. Returns whether such a transaction was open.
  bool drop_group();
  void fail(Error error, const SharedText& text);
  void die(Error error);
  void send_ready();
  void send_notifications();
  // Returns whether the session waits for other nodes: they have not yet confirmed the locks that
  // this session has released, or its notifications.
  bool is_settling() const;
  void warn_of_silent_nodes();
  SessionNotifications& notifications();
  SessionAdvisoryLocks& advisory_locks();
  MessageWriter writer() { return context_.writer(); }
  // Ends the session with this number. Fails if the session has another user than this session,
  // unless this session has all rights. Returns false if no session has this number.
  Result<bool> end_session(int32_t process_id, SessionEnd what);
  // Applies client_encoding, TimeZone, DateStyle and IntervalStyle to texts from now on.
  void follow_settings();
  void keep_settings(const engine::ParsedStatement& statement);
  void take_settings_back();
  // Converts a text of the client. The converted text is kept until the next message.
  Status turn_into_utf8(std::string_view& text);
  std::function<void()> waker();

  // session_errands.cc: parsing and analysing, on this thread or another.
  //
  // Returns the client's text with the values of DEFINEd variables. The returned text is the one
  // that is charged, parsed and shown in errors.
  Result<SharedText> with_variables(SharedText text) const;
  // Parses the text. Returns nothing if the work runs as an activity. The caller must then call
  // parse() again with the same text when the activity has ended.
  Result<std::optional<Statements>> parse(SharedText text);
  Result<std::optional<PreparedStatementPtr>> analyse_here_or_aside(
      const std::shared_ptr<const engine::ParsedStatement>& statement, SharedText text,
      const std::vector<uint32_t>& parameter_oids,
      std::span<const engine::SqlType> parameter_types);

  // Analyses the inner statement of a statement that the session runs itself, if the analysis takes
  // long. `inner_` then holds the result.
  Status analyse_inner(const PreparedStatement& own);

  // session_extended.cc: Parse, Bind, Describe, Execute, Close
  Result<Begun> handle_extended(const Frame& frame);
  Result<Begun> handle_parse(std::string_view body);
  Result<Begun> continue_parse(const ParseMessage& message);
  // Answers a Parse message of an unnamed statement with the result of an earlier message. Returns
  // false if no such result exists, or if it is out of date.
  Result<bool> parse_as_before(const ParseMessage& message);
  // Keeps the statement for parse_as_before(), if a later message may use it.
  void note_parse(const ParseMessage& message, const PreparedStatementPtr& statement);
  Result<Begun> handle_bind(std::string_view body);
  Result<std::optional<std::vector<engine::Value>>> decode_here_or_aside(
      const PreparedStatementPtr& statement, const BindMessage& message, std::string_view body,
      MemoryCharge& charge);
  Status handle_describe(std::string_view body);
  // Returns true if the portal's statement can run only once, and an earlier Execute has run it.
  static bool has_run(const Portal& portal);
  Result<Begun> handle_execute(const Frame& frame);
  Status handle_close(std::string_view body);
  Result<PreparedStatementPtr> analyse(std::shared_ptr<const engine::ParsedStatement> statement,
                                       SharedText text, std::vector<uint32_t> parameter_oids,
                                       std::span<const engine::SqlType> parameter_types);
  // Returns the rows of pg_prepared_statements, if the text reads this table. Fails with
  // LimitExceeded if the texts of the prepared statements are too long.
  Result<std::vector<PreparedFact>> prepared_facts(std::string_view text) const;
  // Returns the rows of pg_stat_activity, if the text reads this table.
  std::vector<SessionStatus> statuses(std::string_view text) const;
  // If the statement shows sessions, analyses it again, so that it shows the present state, and not
  // the state at the time of its preparation.
  Result<PreparedStatementPtr> as_of_now(PreparedStatementPtr statement);
  // Charges the memory that a statement will need once it is parsed.
  Result<MemoryCharge> charge_statement(std::string_view text) const;
  // Keeps the statement under its name, which may be empty. Charges its parameters and its name in
  // addition to `charge`.
  Status keep_statement(std::string name, PreparedStatementPtr statement, MemoryCharge charge);
  // If the statement ends other sessions (pg_terminate_backend()), wraps its plan in a
  // PreparedEnds; `plan` is then the plan of the query that returns the numbers of these sessions.
  Result<std::shared_ptr<const sql::Prepared>> with_ends(
      Result<std::shared_ptr<const sql::Prepared>> plan, EndingQuery ending);
  Result<PreparedStatementPtr> finish_analysis(
      std::shared_ptr<const engine::ParsedStatement> statement, SharedText text,
      std::vector<uint32_t> parameter_oids, Result<std::shared_ptr<const sql::Prepared>> plan,
      PreparedStatementPtr inner = nullptr);
  // Analyses the query of a DECLARE that has parameters.
  Result<PreparedStatementPtr> analyse_cursor(
      const std::shared_ptr<const engine::ParsedStatement>& declare, const SharedText& text,
      const std::vector<uint32_t>& parameter_oids,
      std::span<const engine::SqlType> parameter_types);
  Result<PreparedStatementPtr> find_statement(std::string_view name) const;
  Result<std::shared_ptr<Portal>> find_portal(std::string_view name) const;
  // Fails if the columns are no longer those that the client has received or will receive.
  Status check_columns(const PreparedStatement& statement) const;
  // Returns the columns of the rows of the statement; empty if it returns no rows.
  Result<std::vector<sql::ResultColumn>> columns_of(const PreparedStatement& statement) const;
  void close_portals(bool with_holdable = false);
  // Closes the portals that were made after the savepoint, also holdable ones.
  void close_portals_since(const Savepoint& savepoint);

  // session_statements.cc and statements/*.cc: the statements that the session runs without the engine
  struct OwnStatement;  // runs these statements; see statements/own_statement.h
  // Runs one of the statements that the session executes itself. `bound`: the portal, if an Execute
  // message runs the statement. Such a message returns at most `max_rows` rows; 0: all rows.
  Result<Begun> run_own(const PreparedStatement& statement, PortalRun::Start start,
                        const std::shared_ptr<Portal>& bound = nullptr, uint64_t max_rows = 0);
  // Returns the query or statement inside one of the session's own statements; null if it has none.
  std::shared_ptr<const engine::ParsedStatement> inner_of(const PreparedStatement& own) const;
  Status check_transaction(const engine::ParsedStatement& statement) const;
  // Returns whether the open transaction is read-only or, if none is open, whether the next one is.
  bool is_read_only() const;
  Status check_read_only(const engine::ParsedStatement& statement) const;
  // Fails if an open portal reads a table that the statement would drop.
  Status check_not_in_use(const engine::ParsedStatement& statement) const;
  static bool changes_rows(const PreparedStatement& statement);
  static bool changes_anything(const PreparedStatement& statement);
  void count_write(const PreparedStatement& statement);
  void end_transaction(bool committed);

  sql::Backend& backend_;
  SessionHost& host_;
  SessionPeers& peers_;
  const Clock& clock_;
  const SessionKey key_;
  const SessionLimits limits_;
  MemoryAccount* const memory_;  // null in some tests
  const SessionSecurity security_;

  Phase phase_ = Phase::Startup;
  const int64_t began_us_;
  InputBuffer input_;
  bool awaits_rest_ = false;  // the session waits for the rest of an incomplete message
  std::string refused_memory_, end_reason_;
  int64_t idle_since_us_ = 0;  // last time at which the session did work
  bool has_more_ = false;      // the last run() has stopped before it had handled all input
  bool skips_until_sync_ = false;
  // The client is idle, so notifications may be sent.
  bool is_at_rest_ = false;
  std::deque<std::string> converted_;                      // converted texts of the present message
  const sql::ScriptRequest* request_of_script_ = nullptr;  // set if the session runs a script
  bool is_psql_ = false;  // recognized by its application_name at start-up
  std::string database_;
  const std::shared_ptr<StatusCell> status_ = std::make_shared<StatusCell>();
  std::string shown_name_;  // the application_name that the status shows
  bool is_output_full_ = false;
  bool is_output_due_ = false;  // the client may wait for the present output: Sync, Flush
  std::optional<Error> shut_down_reason_;
  int64_t shut_down_at_us_ = 0;  // time at which the session ends at the latest
  bool is_asked_ = false;        // the client expects ReadyForQuery
  bool is_broken_off_ = false;   // the activity was cancelled for the shutdown
  // error that is sent in answer to the startup packet
  std::optional<Error> refusal_;
  std::unique_ptr<SessionRequest> request_;         // set while the client authenticates
  std::unique_ptr<Authentication> authentication_;  // set while the client authenticates

  SessionContext context_;
  TransactionStatus transaction_ = TransactionStatus::Idle;
  Group group_ = Group::None;
  // The settings before the first SET of a Query message, or of the messages between two Sync
  // messages. If one of these messages fails, the settings are restored. Not used within BEGIN.
  std::optional<sql::SessionSettings::Savepoint> settings_before_;
  uint64_t writes_in_transaction_ = 0;
  bool owes_ready_ = false;      // ReadyForQuery is sent when is_settling() becomes false
  uint64_t lasting_writes_ = 0;  // writes that no savepoint undoes: definitions, notifications
  uint64_t next_savepoint_ = 0;
  bool is_in_pipeline_ = false;  // an Execute has run since the last Sync
  bool has_asked_ = false;       // the transaction has run a statement of the engine
  struct Savepoint {
    // with several savepoints of one name, the newest one is used
    std::string name;
    uint64_t number = 0;                      // a later savepoint has a greater number
    uint64_t writes = 0, lasting_writes = 0;  // values of the counters when the savepoint was made
    std::unique_ptr<sql::SessionBackend::Savepoint> held = {};
    MemoryCharge charge = {};
    sql::SessionSettings::Savepoint settings = {};
  };
  std::vector<Savepoint> savepoints_;  // oldest first
  MemoryCharge settings_charge_;
  std::unique_ptr<SessionNotifications> notifications_;  // set at the first LISTEN or NOTIFY
  MemoryCharge notifications_charge_;
  std::unique_ptr<SessionAdvisoryLocks>
      advisory_locks_;  // set at the first request for a lock; outlives the activity

  std::optional<Script> script_;
  // A Parse message that has not been answered.
  struct ParsingMessage {
    SharedText sent, text;  // text: `sent` with the values of variables
    std::optional<Statements> statements = {};
    bool is_charged = false;
    MemoryCharge charge = {};
  };
  std::optional<ParsingMessage> parsing_;
  // The statement `outer`, which the session runs itself, contains `statement` (see inner_of()).
  // Kept while another thread analyses `statement`, and until the result is used. `analysed`: the
  // result; null until the analysis has ended.
  struct InnerStatement {
    std::shared_ptr<const engine::ParsedStatement> outer, statement;
    PreparedStatementPtr analysed = nullptr;
  };
  std::optional<InnerStatement> inner_;
  // Work on other threads. Each pointer is set while the work runs, and until the session has taken
  // the result.
  std::shared_ptr<ParseErrand> parse_errand_;
  std::shared_ptr<AnalyseErrand> analyse_errand_;
  std::shared_ptr<BindErrand> bind_errand_;
  std::map<std::string, PreparedStatementPtr, std::less<>> statements_;
  std::map<std::string, std::shared_ptr<Portal>, std::less<>> portals_;
  KnownLookUps look_ups_;
  KnownParses parses_;

  std::unique_ptr<Activity> activity_;
  // Text to which positions in the activity's errors refer; null: none.
  SharedText activity_text_;
  CopyInput* copy_input_ = nullptr;   // the running activity, if it is a COPY FROM STDIN
  size_t copy_data_left_ = 0;         // bytes of the present CopyData that are not read yet
  bool commits_transaction_ = false;  // the running activity is a COMMIT
};

}  // namespace server::pg
