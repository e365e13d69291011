// Tests libpqxx with the features of its tutorial: statements, parameters, cursors, streams of rows, nested
// transactions.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <pqxx/pqxx>
#include <pqxx/stream_from>
#include <pqxx/stream_to>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

std::string address() {
  const std::string place = std::getenv("MILLRACE_PG");
  const auto colon = place.rfind(':');
  return "host=" + place.substr(0, colon) + " port=" + place.substr(colon + 1) +
         " user=" + std::getenv("PGUSER") + " dbname=postgres";
}

template <typename A, typename B>
void same(const A& expected, const B& found) {
  if (!(expected == found))
    throw std::runtime_error("expected " + pqxx::to_string(expected) + ", found " +
                             pqxx::to_string(found));
}

std::string state_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const pqxx::sql_error& error) {
    return error.sqlstate();
  }
  return "it passes";
}

void values_come_back(pqxx::connection& c) {
  pqxx::work w{c};
  w.exec0("SET TimeZone = 'UTC'");
  w.exec0(
      "CREATE TABLE px_values (id INT PRIMARY KEY, l BIGINT, d DOUBLE PRECISION, n NUMERIC(10, 2), "
      "b BOOLEAN, s TEXT, x BYTEA, day DATE, at TIMESTAMPTZ)");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto done = w.exec_params(
      "INSERT INTO px_values VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", 1, 1LL << 40, 0.1,
      "12.50", true, "it's", pqxx::binarystring{all}, "2024-02-29", "2024-02-29 12:30:15.678");
  same(1, static_cast<int>(done.affected_rows()));
  const auto row = w.exec_params1("SELECT * FROM px_values WHERE id = $1 AND x = $2", 1,
                                  pqxx::binarystring{all});
  same(1LL << 40, row["l"].as<long long>());
  same(0.1, row["d"].as<double>());
  same(std::string{"12.50"}, row["n"].as<std::string>());
  same(true, row["b"].as<bool>());
  same(std::string{"it's"}, row["s"].as<std::string>());
  same(all, pqxx::binarystring{row["x"]}.str());
  same(std::string{"2024-02-29 12:30:15.678+00"}, row["at"].as<std::string>());
  same(20U, row["l"].type());
  same(std::string{"l"}, std::string{row["l"].name()});
  w.exec_params("INSERT INTO px_values (id, s) VALUES ($1, $2)", 2, nullptr);
  same(true, w.exec1("SELECT s FROM px_values WHERE id = 2")[0].is_null());
  w.exec0("INSERT INTO px_values (id, s) VALUES (3, " + w.quote("a'b\\c") + "), (4, " +
          w.quote_raw(reinterpret_cast<const unsigned char*>("\0\x01"), 2) + ")");
  same(std::string{"a'b\\c"}, w.exec1("SELECT s FROM px_values WHERE id = 3")[0].as<std::string>());
  w.commit();
}

void statements_are_prepared(pqxx::connection& c) {
  c.prepare("twice", "SELECT $1::int * 2, $2::text");
  pqxx::work w{c};
  for (int i = 0; i < 10; ++i) same(2 * i, w.exec_prepared1("twice", i, "x")[0].as<int>());
  c.unprepare("twice");
}

void cursors_move(pqxx::connection& c) {
  pqxx::work w{c};
  w.exec0("CREATE TABLE px_numbers (id INT PRIMARY KEY)");
  w.exec0("INSERT INTO px_numbers SELECT g FROM generate_series(1, 100) AS g");
  int seen = 0;
  pqxx::icursorstream stream{w, "SELECT id FROM px_numbers ORDER BY id", "px_stream", 30};
  for (pqxx::result rows; stream >> rows;) seen += static_cast<int>(rows.size());
  same(100, seen);
  pqxx::icursorstream scrolled{w, "SELECT id FROM px_numbers ORDER BY id", "px_iterated", 10};
  pqxx::icursor_iterator at{scrolled}, end;
  at += 3;
  same(31, (*at)[0][0].as<int>());
  w.commit();
}

void cursors_scroll(pqxx::connection& c) {
  pqxx::work w{c};
  pqxx::stateless_cursor<pqxx::cursor_base::read_only, pqxx::cursor_base::owned> cursor{
      w, "SELECT id FROM px_numbers ORDER BY id", "px_stateless", false};
  same(100, static_cast<int>(cursor.size()));
  const auto part = cursor.retrieve(10, 15);
  same(5, static_cast<int>(part.size()));
  same(11, part[0][0].as<int>());
  same(3, cursor.retrieve(2, -1)[0][0].as<int>());
}

void rows_are_streamed(pqxx::connection& c) {
  pqxx::work w{c};
  w.exec0("CREATE TABLE px_streamed (id INT, s TEXT)");
  pqxx::stream_to to{w, "px_streamed", std::vector<std::string>{"id", "s"}};
  for (int i = 0; i < 1000; ++i) to << std::make_tuple(i, "s\t" + std::to_string(i));
  to.complete();
  pqxx::stream_from from{w, "px_streamed"};
  std::tuple<int, std::string> row;
  int count = 0;
  long long sum = 0;
  while (from >> row) {
    ++count;
    sum += std::get<0>(row);
  }
  from.complete();
  same(1000, count);
  same(499500LL, sum);
  w.commit();
}

void transactions_nest(pqxx::connection& c) {
  {
    pqxx::work w{c};
    w.exec0("CREATE TABLE px_moves (id INT PRIMARY KEY)");
    w.exec0("INSERT INTO px_moves VALUES (1)");
    {
      pqxx::subtransaction inner{w, "inner one"};
      inner.exec0("INSERT INTO px_moves VALUES (2)");
      same(std::string{"22012"}, state_of([&] { inner.exec("SELECT 1 / 0"); }));
      inner.abort();
    }
    {
      pqxx::subtransaction inner{w};
      inner.exec0("INSERT INTO px_moves VALUES (3)");
      inner.commit();
    }
    w.commit();
  }
  {
    pqxx::work w{c};
    w.exec0("DELETE FROM px_moves");
  }
  {
    pqxx::transaction<pqxx::isolation_level::serializable, pqxx::readwrite_policy::read_only> r{c};
    same(std::string{"25006"}, state_of([&] { r.exec("DELETE FROM px_moves"); }));
  }
  pqxx::nontransaction n{c};
  const auto rows = n.exec("SELECT id FROM px_moves ORDER BY id");
  same(2, static_cast<int>(rows.size()));
  same(3, rows[1][0].as<int>());
}

void transactions_are_logged(pqxx::connection& c) {
  pqxx::robusttransaction<> robust{c};
  robust.exec0("CREATE TABLE px_robust (id INT PRIMARY KEY)");
  robust.exec0("INSERT INTO px_robust VALUES (4)");
  robust.commit();
}

void work_is_repeated(pqxx::connection& c) {
  int tries = 0;
  const int found = pqxx::perform([&] {
    if (++tries < 2) throw pqxx::broken_connection{};
    pqxx::work w{c};
    const int value = w.exec1("SELECT 41 + 1")[0].as<int>();
    w.commit();
    return value;
  });
  same(42, found);
}

void statements_are_pipelined(pqxx::connection& c) {
  pqxx::work w{c};
  pqxx::pipeline p{w};
  std::vector<pqxx::pipeline::query_id> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(p.insert("SELECT " + std::to_string(i) + " * 3"));
  p.complete();
  for (int i = 0; i < 20; ++i)
    same(3 * i, p.retrieve(ids[static_cast<std::size_t>(i)])[0][0].as<int>());
}

class Heard : public pqxx::notification_receiver {
 public:
  explicit Heard(pqxx::connection& c) : pqxx::notification_receiver{c, "px_news"} {}
  void operator()(const std::string& payload, int) override { said = payload; }
  std::string said;
};

void notifications_arrive(pqxx::connection& c) {
  Heard heard{c};
  pqxx::connection other{address()};
  pqxx::nontransaction{other}.exec0("NOTIFY px_news, 'hello'");
  c.await_notification(5, 0);
  same(std::string{"hello"}, heard.said);
}

void arrays_are_parsed(pqxx::connection& c) {
  pqxx::work w{c};
  const auto row = w.exec1("SELECT ARRAY['a,b', NULL, '\"q\"', '']");
  auto parser = row[0].as_array();
  std::vector<std::string> seen;
  for (auto [juncture, text] = parser.get_next(); juncture != pqxx::array_parser::juncture::done;
       std::tie(juncture, text) = parser.get_next()) {
    if (juncture == pqxx::array_parser::juncture::string_value) seen.push_back(text);
    if (juncture == pqxx::array_parser::juncture::null_value) seen.push_back("null");
  }
  same(std::string{"a,b;null;\"q\";"},
       seen.at(0) + ";" + seen.at(1) + ";" + seen.at(2) + ";" + seen.at(3));
}

void settings_and_errors(pqxx::connection& c) {
  c.set_variable("application_name", "shop");
  same(std::string{"shop"}, c.get_variable("application_name"));
  same(std::string{"UTF8"}, c.get_client_encoding());
  same(true, c.server_version() >= 150000);
  for (const auto& [text, state] :
       std::vector<std::pair<std::string, std::string>>{{"SELECT * FROM not_there", "42P01"},
                                                        {"SELEC 1", "42601"},
                                                        {"SELECT nothing", "42703"},
                                                        {"SELECT 'x'::int", "22P02"}}) {
    pqxx::work w{c};
    same(text + state, text + state_of([&, &text = text] { w.exec(text); }));
  }
}

void columns_have_tables(pqxx::connection& c) {
  pqxx::work w{c};
  const auto found = w.exec("SELECT id, s FROM px_values");
  same(std::string{"s"}, std::string{found.column_name(1)});
  same(w.exec1("SELECT 'px_values'::regclass::oid")[0].as<unsigned>(), found.column_table(1));
}

}  // namespace

int main() {
  const std::vector<std::pair<const char*, void (*)(pqxx::connection&)>> cases = {
      {"values come back", values_come_back},
      {"statements are prepared", statements_are_prepared},
      {"cursors move", cursors_move},
      {"rows are streamed", rows_are_streamed},
      {"transactions nest", transactions_nest},
      {"work is repeated", work_is_repeated},
      {"statements are pipelined", statements_are_pipelined},
      {"notifications arrive", notifications_arrive},
      {"arrays are parsed", arrays_are_parsed},
      {"settings and errors", settings_and_errors},
      {"cursors scroll", cursors_scroll},
      {"transactions are logged", transactions_are_logged},
      {"columns have tables", columns_have_tables}};
  int passed = 0, failed = 0;
  for (const auto& [name, body] : cases) {
    try {
      pqxx::connection c{address()};
      body(c);
      ++passed;
    } catch (const std::exception& problem) {
      ++failed;
      std::cout << "FAILED " << name << ": " << problem.what() << '\n';
    }
  }
  std::cout << passed << " passed, " << failed << " failed, 0 skipped\n";
  return failed == 0 ? 0 : 1;
}
