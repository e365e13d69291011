// One client's conversation in the PostgreSQL protocol, without the socket: bytes and the backend's
// events in, bytes out.
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
#include "server/pg/messages.h"
#include "server/pg/portal.h"
#include "server/pg/session_status.h"
#include "server/sql/port.h"

namespace server {
struct Channel;
class TableLocks;
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

// Who may come in, and how it came. None of it in some tests, where everybody may. All of it outlives the session.
struct SessionSecurity {
  const auth::Access* access = nullptr;
  const Channel* channel = nullptr;
  // Whether the connections that are left are for superusers; null: none are.
  const std::function<bool()>* is_reserved = nullptr;
};

struct SessionLimits {
  size_t max_message_bytes = 64 * 1024 * 1024;
  // Messages that wait while a statement runs; beyond that the socket is not read.
  size_t max_waiting_bytes = 1024 * 1024;
  // Output that is made before it is handed out.
  size_t max_output_bytes = 256 * 1024;
  int64_t startup_timeout_ms = 60'000;  // until the client is let in
  // A longer text is parsed and planned on another thread.
  size_t max_text_on_loop = 4 * 1024;
  // The same for the parameters of one Bind, whose parsing takes up to 0.25 us a byte.
  size_t max_parameters_on_loop = 16 * 1024;
  // Messages and statements are worked off for this long before the loop turns to others.
  int64_t max_run_us = 1'000;
};

// The pair by which a client's CancelRequest names a session.
struct SessionKey {
  int32_t process_id = 0, secret = 0;
  bool operator==(const SessionKey&) const = default;
};

// The sessions of all loops, as one of them sees them.
class SessionPeers {
 public:
  // Where a CancelRequest goes.
  virtual void cancel_session(SessionKey key) = 0;
  virtual std::shared_ptr<Notifications> notifications() = 0;
  // Null where there are none: nodes of a cluster do not know of each other's.
  virtual std::shared_ptr<TableLocks> advisory_locks() { return nullptr; }
  // For any thread: has the session woken on its own loop, if it is still there.
  virtual std::function<void()> waker_of(SessionKey key) = 0;
  // Of those that are let in, by number.
  virtual std::vector<SessionStatus> statuses() const { return {}; }
  // Soon, on its own loop, where there is one of that number.
  virtual void end_session(int32_t /*process_id*/, SessionEnd /*what*/) {}

 protected:
  ~SessionPeers() = default;
};

// Invariants: messages are answered in the order in which they came;
//             ReadyForQuery outside of a transaction comes only after what was written is durable, and an INSERT that is no
//             part of one is reported as done only then.
// Threads:    one loop's.
// Owner:      the connection, or a test. What it refers to outlives it.
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

  // Ends what runs now, if anything does: a CancelRequest has come.
  void cancel();
  // An administrator, or another session of the same user, has ended the connection.
  void terminate();
  // Something has come for it from another one.
  void wake() { host_.wake(); }
  // What it does, for others to read.
  const std::shared_ptr<StatusCell>& status() const { return status_; }

 private:
  enum class Phase : uint8_t { Startup, Authentication, Ready, Over };

  using Statements = std::vector<std::shared_ptr<const engine::ParsedStatement>>;

  // What is done on other threads: it owns all that it touches, since the session may be gone
  // meanwhile.
  struct ParseErrand;
  struct AnalyseErrand;
  struct BindErrand;
  struct Savepoint;

  // A Query message: its statements run one after the other.
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
  // What one Query, or what stands between two Syncs, changes is one transaction that nobody has begun. None: outside of
  // BEGIN a statement that stands alone is carried out as it comes.
  enum class Group : uint8_t { None, Open, Committing };

  enum class Begun : uint8_t {
    Now,    // it is done, or its activity is under way
    Later,  // something else has to come first; then it is begun anew
  };

  // session.cc: the input and its order
  bool step();  // false when nothing more can be done now
  bool step_startup();
  bool step_authentication();
  bool startup_is_over();
  // It was told to, and has answered what it was asked before, or takes too long for that.
  bool must_end() const;
  Error take_last_words();
  Status authenticate(std::unique_ptr<SessionRequest> request);
  int64_t startup_deadline_us() const;
  // When a client that sends nothing is sent away; nothing while it need not.
  std::optional<int64_t> idle_deadline_us() const;
  void end_if_idle();
  bool step_activity();
  // True when it could go on at once.
  bool feed_copy();
  bool begin_copy_message();  // false: there is none, or it was the last
  void feed_copy_data();
  void feed_copy_end(const Frame& frame);
  std::string message_of_copy_fail(const Frame& frame);
  void look_for_end();
  void begin_activity(std::unique_ptr<Activity> activity, SharedText text);
  bool step_script();
  bool step_message();
  // The next message, if it is there whole; it stays where it is until it is consumed.
  std::optional<Frame> next_message();
  void ask_for_room();
  Status accept_startup(std::string_view body, int32_t code);
  Status open_session(const SessionRequest& request);
  bool has_rights_of_user() const;
  // False: the message stays where it is; something else has to happen first.
  bool handle(const Frame& frame);
  void handle_query(std::string_view text);
  void finish_script();
  // session_look_ups.cc: the script's whole answer, where it is a look-up that is known and nothing is to be waited for.
  bool answer_at_hand();
  void learn_look_up(const PreparedStatement& as_it_stands);
  static bool has_same_columns(const sql::Prepared& one, const sql::Prepared& other);
  Result<PreparedStatementPtr> analyse_look_up(const LiteralShape& shape);
  void discard(Statements statements);
  void discard_prepared();
  Result<Begun> begin_statement(const std::shared_ptr<const engine::ParsedStatement>& statement);
  PortalRun run_of_query(const PreparedStatementPtr& statement);
  // Whether the statement goes on in the group that is open; else that is to be committed first.
  bool joins_group(const PreparedStatement& statement) const;
  void begin_group();
  void begin_group_commit();
  // Drops what the group has changed. True when there was one.
  bool drop_group();
  void fail(Error error, const SharedText& text);
  void die(Error error);
  void send_ready();
  void send_notifications();
  SessionNotifications& notifications();
  SessionAdvisoryLocks& advisory_locks();
  MessageWriter writer() { return MessageWriter(context_.output, context_.encoding.get()); }
  // Of the session of that number, where its user is this one's, or this one has all rights. False: there is none.
  Result<bool> end_session(int32_t process_id, SessionEnd what);
  // Texts come and go as client_encoding, TimeZone, DateStyle and IntervalStyle say from now on.
  void follow_settings();
  void keep_settings(const engine::ParsedStatement& statement);
  void take_settings_back();
  // What the client has sent; it is kept until the next message.
  Status turn_into_utf8(std::string_view& text);
  std::function<void()> waker();

  // session_errands.cc: parsing and analysing, here or on another thread
  // What a client sent, with DEFINEd variables put in: what is charged, parsed and shown in errors.
  Result<SharedText> with_variables(SharedText text) const;
  // Nothing: it is under way as an activity; ask again with the same text when that has ended.
  Result<std::optional<Statements>> parse(SharedText text);
  Result<std::optional<PreparedStatementPtr>> analyse_here_or_aside(
      const std::shared_ptr<const engine::ParsedStatement>& statement, SharedText text,
      const std::vector<uint32_t>& parameter_oids,
      std::span<const engine::SqlType> parameter_types);

  // Of what an own statement brings along, if that takes long: `inner_` has it when it is complete.
  Status analyse_inner(const PreparedStatement& own);

  // session_extended.cc: Parse, Bind, Describe, Execute, Close
  Result<Begun> handle_extended(const Frame& frame);
  Result<Begun> handle_parse(std::string_view body);
  Result<Begun> continue_parse(const ParseMessage& message);
  Result<Begun> handle_bind(std::string_view body);
  Result<std::optional<std::vector<engine::Value>>> decode_here_or_aside(
      const PreparedStatementPtr& statement, const BindMessage& message, std::string_view body,
      MemoryCharge& charge);
  Status handle_describe(std::string_view body);
  // Whether an Execute that came before has done what is to be done once.
  static bool has_run(const Portal& portal);
  Result<Begun> handle_execute(const Frame& frame);
  Status handle_close(std::string_view body);
  Result<PreparedStatementPtr> analyse(std::shared_ptr<const engine::ParsedStatement> statement,
                                       SharedText text, std::vector<uint32_t> parameter_oids,
                                       std::span<const engine::SqlType> parameter_types);
  // Of pg_prepared_statements, where the text asks for them. Fails with LimitExceeded when their texts are too long.
  Result<std::vector<PreparedFact>> prepared_facts(std::string_view text) const;
  // Likewise of pg_stat_activity.
  std::vector<SessionStatus> statuses(std::string_view text) const;
  // What tells of sessions is analysed again: as of now, and not of when it was prepared.
  Result<PreparedStatementPtr> as_of_now(PreparedStatementPtr statement);
  // What a statement will need once it is parsed, if there is memory for it.
  Result<MemoryCharge> charge_statement(std::string_view text) const;
  // Under a name, also the empty one, if there is memory for its parameters and its name
  // beside `charge`.
  Status keep_statement(std::string name, PreparedStatementPtr statement, MemoryCharge charge);
  // `plan` is of its numbers, where it has such.
  Result<std::shared_ptr<const sql::Prepared>> with_ends(
      Result<std::shared_ptr<const sql::Prepared>> plan, EndingQuery ending);
  Result<PreparedStatementPtr> finish_analysis(
      std::shared_ptr<const engine::ParsedStatement> statement, SharedText text,
      std::vector<uint32_t> parameter_oids, Result<std::shared_ptr<const sql::Prepared>> plan,
      PreparedStatementPtr inner = nullptr);
  // The query of a DECLARE that has parameters.
  Result<PreparedStatementPtr> analyse_cursor(
      const std::shared_ptr<const engine::ParsedStatement>& declare, const SharedText& text,
      const std::vector<uint32_t>& parameter_oids,
      std::span<const engine::SqlType> parameter_types);
  Result<PreparedStatementPtr> find_statement(std::string_view name) const;
  Result<std::shared_ptr<Portal>> find_portal(std::string_view name) const;
  // Whether they are what the client was told, or will be.
  Status check_columns(const PreparedStatement& statement) const;
  // The columns that its rows will have; none when it gives no rows.
  Result<std::vector<sql::ResultColumn>> columns_of(const PreparedStatement& statement) const;
  void close_portals(bool with_holdable = false);
  // Those that were made after it, also holdable ones.
  void close_portals_since(const Savepoint& savepoint);

  // session_statements.cc: the statements that the session runs by itself
  struct OwnStatement;  // runs them; see there
  // `bound`: what an Execute runs, of which it wants at most so many rows; 0: all.
  Result<Begun> run_own(const PreparedStatement& statement, PortalRun::Start start,
                        const std::shared_ptr<Portal>& bound = nullptr, uint64_t max_rows = 0);
  // The query or statement that one of the session's own brings along; null when it has none.
  std::shared_ptr<const engine::ParsedStatement> inner_of(const PreparedStatement& own) const;
  Status check_transaction(const engine::ParsedStatement& statement) const;
  // Whether the transaction that is open, or else the next one, may change nothing.
  bool is_read_only() const;
  Status check_read_only(const engine::ParsedStatement& statement) const;
  // Fails where a portal that is open reads what the statement would drop.
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
  MemoryAccount* const memory_;  // none in some tests
  const SessionSecurity security_;

  Phase phase_ = Phase::Startup;
  const int64_t began_us_;
  InputBuffer input_;
  bool awaits_rest_ = false;  // of a message: nothing else can be done
  std::string refused_memory_, end_reason_;
  int64_t idle_since_us_ = 0;  // of Ready: what came before has been worked off
  bool has_more_ = false;      // the last run() ended before its work did
  bool skips_until_sync_ = false;
  // The client waits for nothing: notifications need not wait either.
  bool is_at_rest_ = false;
  std::deque<std::string> converted_;  // of the message that is handled
  bool is_psql_ = false;               // by its name at start-up
  std::string database_;
  const std::shared_ptr<StatusCell> status_ = std::make_shared<StatusCell>();
  std::string shown_name_;  // application_name, as the status has it
  bool is_output_full_ = false;
  bool is_output_due_ = false;  // the client may wait for what is there: Sync, Flush
  std::optional<Error> shut_down_reason_;
  int64_t shut_down_at_us_ = 0;                     // whatever the client still waits for
  bool is_asked_ = false;                           // and has not said that it is ready again
  bool is_broken_off_ = false;                      // the activity, as far as that can be
  std::optional<Error> refusal_;                    // what the startup packet is answered with
  std::unique_ptr<SessionRequest> request_;         // while the client authenticates
  std::unique_ptr<Authentication> authentication_;  // likewise

  SessionContext context_;
  TransactionStatus transaction_ = TransactionStatus::Idle;
  Group group_ = Group::None;
  // Before the first SET of a Query, or of what stands between two Syncs: what fails there takes it back. Outside of BEGIN only.
  std::optional<sql::SessionSettings::Savepoint> settings_before_;
  uint64_t writes_in_transaction_ = 0;
  uint64_t lasting_writes_ =
      0;  // those of them that no savepoint undoes: definitions, notifications
  uint64_t next_savepoint_ = 0;
  bool is_in_pipeline_ = false;  // an Execute came before, and no Sync since
  bool has_asked_ = false;       // the transaction has run a statement of the engine
  struct Savepoint {
    std::string name;                         // the last one of a name is meant
    uint64_t number = 0;                      // later ones have greater numbers
    uint64_t writes = 0, lasting_writes = 0;  // of the transaction before it
    std::unique_ptr<sql::SessionBackend::Savepoint> held = {};
    MemoryCharge charge = {};
    sql::SessionSettings::Savepoint settings = {};
  };
  std::vector<Savepoint> savepoints_;  // in their order
  MemoryCharge settings_charge_;
  std::unique_ptr<SessionNotifications> notifications_;  // once it has listened or notified
  MemoryCharge notifications_charge_;
  std::unique_ptr<SessionAdvisoryLocks>
      advisory_locks_;  // once it has asked for one; outlives the activity

  std::optional<Script> script_;
  // A Parse message that has not been answered.
  struct ParsingMessage {
    SharedText sent, text;  // text: with variables put in
    std::optional<Statements> statements = {};
    bool is_charged = false;
    MemoryCharge charge = {};
  };
  std::optional<ParsingMessage> parsing_;
  // What an own statement brings along, while that is analysed aside.
  struct InnerStatement {
    std::shared_ptr<const engine::ParsedStatement> outer, statement;
    PreparedStatementPtr analysed = nullptr;
  };
  std::optional<InnerStatement> inner_;
  std::shared_ptr<ParseErrand> parse_errand_;      // begun, and its end not looked at yet
  std::shared_ptr<AnalyseErrand> analyse_errand_;  // likewise
  std::shared_ptr<BindErrand> bind_errand_;        // likewise
  std::map<std::string, PreparedStatementPtr, std::less<>> statements_;
  std::map<std::string, std::shared_ptr<Portal>, std::less<>> portals_;
  KnownLookUps look_ups_;

  std::unique_ptr<Activity> activity_;
  SharedText activity_text_;          // what positions of its errors count in; null: no text
  CopyInput* copy_input_ = nullptr;   // the activity, while it is a COPY FROM STDIN
  size_t copy_data_left_ = 0;         // of the CopyData that the input begins in the middle of
  bool commits_transaction_ = false;  // the activity is a COMMIT's
};

}  // namespace server::pg
