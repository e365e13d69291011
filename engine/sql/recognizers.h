// The generated lexer and parser, with separate learned tables for each thread. Used only by the
// source files in this folder.
//
// ANTLR's recognizers learn: they keep their results for a decision of the grammar in tables (DFAs
// and prediction contexts), which make all later texts fast. The generated classes share these
// tables between all threads, and the runtime's own locks do not protect every read of them. So
// each thread has its own tables, and its own network of the grammar (ATN), which also caches.
// Threads share no mutable state, and no thread waits.
#pragma once
#include <vector>

#include "grammar/MillraceLexer.h"
#include "grammar/MillraceParser.h"

namespace engine {

// The tables that the recognizers of one thread learn.
//
// Invariants: `decisions` has one DFA for each decision of `network` and points into it.
// Threads:    one. Owner: the thread; recognizers refer to the tables.
struct LearnedTables {
  explicit LearnedTables(const std::vector<uint16_t>& serialized_network);
  LearnedTables(const LearnedTables&) = delete;
  LearnedTables& operator=(const LearnedTables&) = delete;

  // Discards the tables if they have become too large to be useful. Call it while no recognizer
  // uses them. Ordinary statements never reach the limit; generated nonsense may.
  void forget_if_large();

  antlr4::atn::ATN network;
  std::vector<antlr4::dfa::DFA> decisions;
  antlr4::atn::PredictionContextCache contexts;

 private:
  void make_decisions();
  size_t uses_ = 0;
};

class ThreadLexer final : public grammar::MillraceLexer {
 public:
  explicit ThreadLexer(antlr4::CharStream* input);
  const antlr4::atn::ATN& getATN() const override { return tables_.network; }

 private:
  LearnedTables& tables_;
};

class ThreadParser final : public grammar::MillraceParser {
 public:
  explicit ThreadParser(antlr4::TokenStream* tokens);
  const antlr4::atn::ATN& getATN() const override { return tables_.network; }

 private:
  LearnedTables& tables_;
};

}  // namespace engine
