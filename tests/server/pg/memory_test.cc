// Tests that the memory of a session is charged to its account and released. A request above the
// limit must get an error that names the limit.
#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;
using namespace std::string_literals;

namespace {

constexpr size_t kMb = 1 << 20;

// A session with a budget of 64 MB, of which it may use a fifth.
struct Charged {
  MemoryBudget budget{64 * kMb};
  MemoryAccount account{budget};
  Conversation client{SessionLimits{}, &account};
  Charged() { Conversation::begun(client); }
};

std::string literal(size_t size) { return "SELECT '" + std::string(size, 'x') + "'"; }

}  // namespace

TEST(SessionMemory, half_a_message_gets_no_more_than_a_share) {
  Charged charged;
  charged.client.session.receive(message('Q', std::string(40 * kMb, 'x')).substr(0, 1000));
  charged.client.session.run();
  const std::string piece(64 * 1024, 'x');
  while (charged.client.session.refused_memory().empty()) {
    ASSERT_LE(charged.account.held_bytes(), 16 * kMb);
    charged.client.session.receive(piece);
    charged.client.session.run();
  }
  EXPECT_EQ(charged.client.session.refused_memory(), "a message of 40 MB");
  EXPECT_TRUE(charged.client.session.is_inside_message());
  EXPECT_GE(charged.account.held_bytes(), 8 * kMb);

  // The front end sends this error if the lack of memory lasts.
  charged.client.session.shut_down(
      charged.account.refusal(charged.client.session.refused_memory()));
  EXPECT_EQ(charged.client.hear(), "E(53200 FATAL not enough memory for a message of 40 MB)");
  EXPECT_TRUE(charged.client.session.end_reason().find("memory-limit is 64 MB") !=
              std::string::npos);
}

TEST(SessionMemory, a_long_message_is_given_back_when_it_was_read) {
  Charged charged;
  const std::string answer = charged.client.say(query(literal(kMb)));
  EXPECT_TRUE(answer.ends_with("C(SELECT 1) Z(I)")) << answer.substr(0, 200);
  EXPECT_LE(charged.account.held_bytes(), 8192u);
}

TEST(SessionMemory, prepared_statements_are_refused_when_they_are_too_many) {
  Charged charged;
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    answer = charged.client.say(parse(literal(kMb), "s" + std::to_string(taken)) + sync_up());
    if (answer != "1 Z(I)") break;
  }
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 4);
  EXPECT_EQ(answer, "E(53200 not enough memory for a statement of 1.0 MB) Z(I)");
  EXPECT_TRUE(charged.client.say(query("SELECT 1")).ends_with("C(SELECT 1) Z(I)"))
      << "the session goes on";
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Statements), 4 * kMb);
  for (int i = 0; i < taken; ++i) charged.client.say(close_statement("s" + std::to_string(i)));
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Statements), 0u);
}

TEST(SessionMemory, portals_with_large_parameters_are_refused_when_they_are_too_many) {
  Charged charged;
  charged.client.say(query("BEGIN") + parse("SELECT $1", "s", {25}));
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    const std::string name = "p" + std::to_string(taken);
    answer = charged.client.say(bind({std::string(kMb, 'x')}, {.portal = name, .statement = "s"}));
    if (answer != "2") break;
  }
  EXPECT_LE(taken, 6);
  EXPECT_EQ(answer, "E(53200 not enough memory for a portal of 1.0 MB)");
  charged.client.say(sync_up() + query("ROLLBACK"));
  EXPECT_LE(charged.budget.held_bytes(MemoryKind::Statements), 8192u);
}

TEST(SessionMemory, rows_that_open_portals_keep_are_refused_when_they_are_too_many) {
  Charged charged;
  const std::string long_name(kMb, 'x');
  for (int i = 0; i < 3; ++i) charged.client.backend.people.push_back({i, long_name});
  charged.client.say(query("BEGIN"));
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    const std::string name = "c" + std::to_string(taken);
    charged.client.say(query("DECLARE " + name + " CURSOR FOR SELECT * FROM people"));
    answer = charged.client.say(query("FETCH 1 FROM " + name));
    if (!answer.ends_with("C(FETCH 1) Z(T)")) break;
  }
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 10);
  EXPECT_NE(answer.find("not enough memory for rows of a query that are not fetched"),
            std::string::npos)
      << answer.substr(0, 200);
  charged.client.say(query("ROLLBACK"));
  EXPECT_LE(charged.budget.held_bytes(MemoryKind::Results), 8192u);
}

TEST(SessionMemory, variables_count_with_their_substituted_text) {
  Charged charged;
  EXPECT_EQ(charged.client.say(query("DEFINE a = '" + std::string(300'000, 'x') + "'")),
            "C(DEFINE) Z(I)");
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Statements), 300'000u);

  std::string many;
  for (int i = 0; i < 1000; ++i) many += "${a}";
  EXPECT_EQ(charged.client.say(query("SELECT '" + many + "'")),
            "E(54000 the statement is longer than 4194304 bytes after substitution of its "
            "variables) Z(I)");
  EXPECT_EQ(charged.client.say(parse("SELECT '" + many + "'") + sync_up()),
            "E(54000 the statement is longer than 4194304 bytes after substitution of its "
            "variables) Z(I)");

  // A statement that is long only after the substitution of variables is parsed on another thread, and charged with its
  // parsed size.
  charged.client.backend.holds_errands = true;
  EXPECT_EQ(charged.client.say(parse("SELECT '${a}'", "s") + sync_up()), "");
  charged.client.backend.let_go();
  EXPECT_EQ(charged.client.hear(), "1 Z(I)");
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Statements), 1'500'000u);

  charged.client.say(query("DEALLOCATE s") + query("UNDEFINE a"));
  EXPECT_LE(charged.budget.held_bytes(MemoryKind::Statements), 4096u);
}

TEST(SessionMemory, variables_and_settings_of_a_session_have_a_limit) {
  Charged charged;
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    const std::string set = taken % 2 ? "DEFINE a" : "SET my.a";
    answer = charged.client.say(
        query(set + std::to_string(taken) + " = '" + std::string(100'000, 'x') + "'"));
    if (answer != (taken % 2 ? "C(DEFINE) Z(I)" : "C(SET) Z(I)")) break;
  }
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(answer, "E(54000 the settings and variables of a session are limited to 1 MB) Z(I)");
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Statements), 1'000'000u);
  charged.client.say(query("DISCARD ALL"));
  EXPECT_LE(charged.budget.held_bytes(MemoryKind::Statements), 4096u);
}

TEST(SessionMemory, savepoints_are_refused_when_they_are_too_many) {
  Charged charged;
  charged.client.say(query("BEGIN"));
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    const std::string name = "s" + std::to_string(taken) + std::string(kMb, 'x');
    answer = charged.client.say(query("SAVEPOINT " + name));
    if (answer != "C(SAVEPOINT) Z(T)") break;
  }
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 15);
  charged.client.say(query("ROLLBACK"));
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Statements), 0u);
}

TEST(SessionMemory, parameters_of_prepared_statements_count) {
  Charged charged;
  charged.client.say(parse("SELECT $65535", "a") + sync_up());
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Statements), 1'000'000u);
  std::string answer;
  int taken = 0;
  for (; taken < 100; ++taken) {
    answer = charged.client.say(parse("SELECT $65535", "s" + std::to_string(taken)) + sync_up());
    if (answer != "1 Z(I)") break;
  }
  EXPECT_LE(taken, 15);
  EXPECT_EQ(answer, "E(53200 not enough memory for a statement of 65535 parameters) Z(I)");
}

TEST(SessionMemory, statements_that_portals_keep_stay_charged_when_they_are_deallocated) {
  Charged charged;
  charged.client.say(query("BEGIN"));
  for (int i = 0; i < 100; ++i)
    charged.client.say(parse("SELECT 1", "s" + std::to_string(i)) +
                       bind({}, {.portal = "p" + std::to_string(i),
                                 .statement = "s" + std::to_string(i % 2 ? i : 0)}) +
                       sync_up());
  const size_t before = charged.budget.held_bytes(MemoryKind::Statements);
  charged.client.say(query("DEALLOCATE ALL"));
  const size_t after = charged.budget.held_bytes(MemoryKind::Statements);
  EXPECT_LT(after, before);
  EXPECT_GE(after, (100u + 51u) * 4096u);  // portals, and the statements that they run
  charged.client.say(query("ROLLBACK"));
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Statements), 0u);
}

TEST(SessionMemory, a_long_row_is_charged_before_it_is_written) {
  Charged charged;
  charged.client.backend.people = {{1, std::string(4 * kMb, 'x')}};
  EXPECT_TRUE(charged.client.say(query("SELECT * FROM people")).ends_with("C(SELECT 1) Z(I)"));
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Results), 0u) << "it was handed out";

  MemoryAccount other(charged.budget);
  MemoryCharge unread(&other, MemoryKind::Results);
  unread.resize(56 * kMb);  // memory of other sessions' unread answers
  const std::string answer = charged.client.say(query("SELECT * FROM people"));
  EXPECT_TRUE(answer.ends_with("E(53200 not enough memory for an answer of 4.0 MB) Z(I)"))
      << answer.substr(0, 200);
  EXPECT_LE(charged.account.held_bytes(), 8192u);
  charged.client.backend.people = {{1, "Ann"}};
  EXPECT_TRUE(charged.client.say(query("SELECT * FROM people")).ends_with("C(SELECT 1) Z(I)"));
}

// Rows are encoded only as fast as they are sent, and the waiting rows are charged.
TEST(SessionMemory, a_long_answer_is_made_in_portions) {
  Charged charged;
  for (int i = 0; i < 600; ++i)
    charged.client.backend.people.push_back({i, std::string(10'000, 'x')});
  for (const std::string& asks : {query("SELECT * FROM people"), query("COPY people TO STDOUT"),
                                  parse("SELECT * FROM people") + bind() + execute() + sync_up()}) {
    charged.client.session.receive(asks);
    size_t longest = 0, kept = 0;
    std::string heard;
    for (int turn = 0; turn < 100 && !heard.ends_with("Z\0\0\0\5I"s); ++turn) {
      charged.client.session.run();
      kept = std::max(kept, charged.budget.held_bytes(MemoryKind::Results));
      const std::string output = charged.client.session.take_output();
      longest = std::max(longest, output.size());
      heard += output;
    }
    EXPECT_GE(heard.size(), 6'000'000u);
    EXPECT_LE(longest, 1'100'000u);
    EXPECT_GE(kept, 4'000'000u);
    EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Results), 0u);
  }
}

// All rows together exceed the memory of the session, so each row waits in the backend until the previous row has
// been sent.
TEST(SessionMemory, long_rows_come_as_fast_as_they_are_taken) {
  for (const std::string& asks : {query("SELECT * FROM people"), query("COPY people TO STDOUT"),
                                  parse("SELECT * FROM people") + bind() + execute() + sync_up()}) {
    Charged charged;
    charged.client.backend.asks_for_room = true;
    for (int i = 0; i < 40; ++i)
      charged.client.backend.people.push_back({i, std::string(i % 4 == 0 ? 10'000 : 3 * kMb, 'x')});
    charged.client.session.receive(asks);
    size_t held = 0;
    std::string heard;
    for (int turn = 0; turn < 200 && !heard.ends_with("Z\0\0\0\5I"s); ++turn) {
      // the output is full until the next iteration
      charged.client.session.set_output_full(turn % 3 == 2);
      charged.client.session.run();
      held = std::max(held, charged.budget.held_bytes(MemoryKind::Results));
      heard += charged.client.session.take_output();
    }
    EXPECT_GE(heard.size(), 90 * kMb);
    EXPECT_TRUE(heard.ends_with("Z\0\0\0\5I"s));
    EXPECT_LE(held, 4 * kMb);
  }
}

TEST(SessionMemory, a_long_row_waits_in_the_backend_until_it_is_requested) {
  Charged charged;
  charged.client.backend.asks_for_room = true;
  for (int i = 0; i < 3; ++i)
    charged.client.backend.people.push_back({i, std::string(4 * kMb, 'x')});
  charged.client.say(query("BEGIN"));
  for (int i = 0; i < 50; ++i) {
    const std::string name = "c" + std::to_string(i);
    charged.client.say(query("DECLARE " + name + " CURSOR FOR SELECT * FROM people"));
    EXPECT_TRUE(charged.client.say(query("FETCH 1 FROM " + name)).ends_with("C(FETCH 1) Z(T)"));
  }
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Results), 0u);
  EXPECT_TRUE(charged.client.say(query("FETCH ALL FROM c7")).ends_with("C(FETCH 2) Z(T)"));
}

TEST(SessionMemory, nothing_is_encoded_for_a_client_that_does_not_read) {
  Charged charged;
  for (int i = 0; i < 600; ++i)
    charged.client.backend.people.push_back({i, std::string(10'000, 'x')});
  charged.client.session.receive(query("SELECT * FROM people"));
  charged.client.session.run();
  EXPECT_LE(charged.client.session.take_output().size(), 1'100'000u);
  charged.client.session.set_output_full(true);
  EXPECT_EQ(charged.client.hear_bytes("").size(), 0u);
  charged.client.session.set_output_full(false);
  EXPECT_GE(charged.client.hear_bytes("").size(), 4'000'000u);
}

TEST(SessionMemory, rows_come_a_few_at_a_time_while_others_do_not_read) {
  Charged charged;
  charged.client.backend.asks_for_room = true;
  for (int i = 0; i < 300; ++i)
    charged.client.backend.people.push_back({i, std::string(3'000, 'x')});
  MemoryAccount other(charged.budget);
  MemoryCharge unread(&other, MemoryKind::Results);
  unread.resize(32 * kMb);
  charged.client.session.receive(query("SELECT * FROM people"));
  std::string heard;
  const auto hear = [&] {
    size_t longest = 0;
    for (int turn = 0; turn < 1000 && !heard.ends_with("Z\0\0\0\5I"s); ++turn) {
      charged.client.session.run();
      const std::string output = charged.client.session.take_output();
      longest = std::max(longest, output.size());
      heard += output;
      if (heard.size() > 450'000) unread.resize(0);
    }
    return longest;
  };
  charged.client.session.run();
  EXPECT_LE(charged.client.session.take_output().size(), 12'000u);
  EXPECT_GE(hear(), 100'000u) << "when the others have read";
  EXPECT_GE(heard.size(), 880'000u);
}

TEST(SessionMemory, the_encoded_answer_counts_before_it_is_sent) {
  Charged charged;
  charged.client.backend.asks_for_room = true;
  for (int i = 0; i < 100; ++i)
    charged.client.backend.people.push_back({i, std::string(1'000, 'x')});
  charged.client.session.receive(query("SELECT * FROM people"));
  charged.client.session.run();
  EXPECT_GE(charged.budget.held_bytes(MemoryKind::Results), 100'000u);
  charged.client.session.take_output();
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Results), 0u);
}

TEST(SessionMemory, a_row_that_repeats_a_long_parameter_is_refused) {
  std::string items = "$1::varchar";
  for (int i = 1; i < 70; ++i) items += ", $1";
  const std::string asks =
      parse("SELECT " + items) + bind({std::string(kMb, 'x')}) + execute() + sync_up();
  Begun client;
  EXPECT_EQ(client.say(asks), "1 2 E(54000 a row is longer than 64 MB) Z(I)");
  EXPECT_TRUE(client.say(query("SELECT 1")).ends_with("D(1) C(SELECT 1) Z(I)"));

  // The error must be found without a copy of the long value, which would exceed the session's memory.
  Charged charged;
  EXPECT_EQ(charged.client.say(asks), "1 2 E(54000 a row is longer than 64 MB) Z(I)");
  EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Results), 0u);
}

TEST(SessionMemory, an_unfinished_line_of_copy_is_refused_when_it_is_too_long) {
  for (const std::string format : {"csv", "text", "json"}) {
    Charged charged;
    charged.client.say(query("COPY people FROM STDIN (FORMAT " + format + ")"));
    std::string answer;
    for (int i = 0; i < 60 && answer.empty(); ++i) {
      answer = charged.client.say(copy_data(std::string(kMb, 'x')));
      ASSERT_LE(charged.account.held_bytes(), 17 * kMb);
    }
    EXPECT_TRUE(answer.starts_with("E(53200 not enough memory for an unfinished line of COPY"))
        << answer;
    EXPECT_EQ(charged.budget.held_bytes(MemoryKind::Copy), 0u);
  }
}
