/** pgJDBC as its users have it: each case in each of its four ways to ask. */
final class Main {
    public static void main(String[] arguments) throws Exception {
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            Values.run(mode);
            Statements.run(mode);
            Metadata.run(mode);
        }
        Check.end();
    }
}
