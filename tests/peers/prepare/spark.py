"""The preparation on PySpark, local, as fast as its DataFrames were found to allow.

Start-up is not counted: the session is there, and has run a job, before the clock starts.

Tried here and slower: `collect_set` for the sets (a collected list made distinct took a third less time), distinct
lines before the aggregate, `countDistinct` over the lines for the vocab, a window for the split, joins of two
large tables where the broadcast of a small one will do, and for the pairs `arrays_zip` of slices by distance.
Higher-order functions, or five terms for each item, make the pairs no faster.
"""

import os

from side import MIN_BASKETS, TABLES, WINDOW, Clock, arguments, checksum_term, transactions
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

MEMORY_OF_A_SPLIT = "32m"


def session(args):
    """A warm session with the whole memory as its heap: in local mode all work is done in the driver."""
    # Loopback, so that no name of this machine has to resolve.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {
        "spark.driver.memory": f"{args.memory}g",
        "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.shuffle.partitions": str(max(8, args.threads * 4)),
        "spark.sql.files.maxPartitionBytes": MEMORY_OF_A_SPLIT,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.local.dir": str(args.out / "tmp"),
        "spark.sql.warehouse.dir": str(args.out / "tmp"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(f"local[{args.threads}]").appName("prepare")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.range(1_000_000).selectExpr("id % 100 as g", "id").groupBy("g").sum("id").collect()
    return spark


class Prepare:
    """The steps; each writes its table and returns it as read back."""

    def __init__(self, spark, data, out):
        self.spark, self.data, self.out = spark, data, out

    def stored(self, name, frame):
        path = str(self.out / name)
        frame.write.parquet(path)
        return self.spark.read.parquet(path)

    def staging(self):
        products = self.spark.read.parquet(str(self.data / "products.parquet")).select("product_id")
        lines = self.spark.read.parquet(*transactions(self.data)).where("quantity > 0")
        known = lines.join(F.broadcast(products), "product_id", "left_semi")
        return self.stored("transactions", known.selectExpr(
            "household_id as user_id", "basket_id", "transaction_timestamp as ordered_at", "week",
            "product_id as item_id", "quantity", "cast(sales_value as decimal(12, 2)) as spend", "store_id"))

    def gather(self, lines):
        """Raw items of each basket, read twice afterwards: for the split and for the vocab."""
        items = F.array_distinct(F.collect_list("item_id")).alias("items")
        return self.stored("basket_items", lines.groupBy("basket_id").agg(
            F.min("user_id").alias("user_id"), F.min("ordered_at").alias("ordered_at"), items))

    def test_baskets(self, gathered):
        """Ids of the test split: the last basket of each user with several. Small enough to be broadcast."""
        last = F.max(F.struct("ordered_at", "basket_id")).alias("last")
        ends = gathered.groupBy("user_id").agg(last, F.count("*").alias("baskets")).where("baskets > 1")
        return self.stored("test_baskets", ends.selectExpr("last.basket_id as basket_id", "'test' as split"))

    def vocab(self, gathered, test):
        train = gathered.join(F.broadcast(test), "basket_id", "left_anti")
        items = train.select(F.explode("items").alias("item_id"))
        counts = items.groupBy("item_id").count().where(f"count >= {MIN_BASKETS}")
        # Some ten thousand rows: sorted in one partition, so that the generated id is the place.
        placed = counts.repartition(1).sortWithinPartitions(F.desc("count"), "item_id")
        place = F.monotonically_increasing_id()
        return self.stored("vocab", placed.select((place + 2).cast("int").alias("item_idx"), "item_id", "count"))

    def baskets(self, lines, vocab, test):
        """One shuffle: user, time and items of a basket from the lines themselves, the rest broadcast."""
        index = F.coalesce("item_idx", F.lit(1))
        items = F.array_distinct(F.sort_array(F.collect_list(index))).alias("items")
        encoded = lines.join(F.broadcast(vocab.select("item_id", "item_idx")), "item_id", "left")
        baskets = encoded.groupBy("basket_id").agg(
            F.min("user_id").alias("user_id"), F.min("ordered_at").alias("ordered_at"), items)
        split = baskets.join(F.broadcast(test), "basket_id", "left")
        return self.stored("baskets", split.selectExpr(
            "basket_id", "user_id", "ordered_at", "coalesce(split, 'train') as split", "items"))

    def sequences(self, baskets):
        ordered = F.sort_array(F.collect_list(F.struct("ordered_at", "basket_id", "items"))).alias("s")
        return self.stored("sequences", baskets.groupBy("user_id").agg(ordered).selectExpr(
            "user_id", "s.items as baskets", "s.ordered_at as ordered_at", "size(s) as count"))

    def pairs(self, baskets):
        """Each item with the next ones in its basket; both directions of a pair come from one row."""
        known = baskets.where("split = 'train'").selectExpr(
            "if(items[0] = 1, slice(items, 2, size(items)), items) as items")
        placed = known.select("items", F.posexplode("items").alias("place", "a"))
        pairs = placed.selectExpr("a", f"explode(slice(items, place + 2, {WINDOW})) as b")
        total = f"sum({checksum_term('a', 'b')} + {checksum_term('b', 'a')})"
        return pairs.selectExpr("2 * count(*)", total).first()


def main():
    args = arguments(__doc__).parse_args()
    spark = session(args)
    steps, clock = Prepare(spark, args.data, args.out), Clock()
    with clock.step("staging"):
        lines = steps.staging()
    with clock.step("gather"):
        gathered = steps.gather(lines)
    with clock.step("split"):
        test = steps.test_baskets(gathered)
    with clock.step("vocab"):
        vocab = steps.vocab(gathered, test)
    with clock.step("baskets"):
        baskets = steps.baskets(lines, vocab, test)
    with clock.step("sequences"):
        steps.sequences(baskets)
    with clock.step("pairs"):
        pairs = steps.pairs(baskets)
    clock.report({name: sorted((args.out / name).glob("*.parquet")) for name in TABLES}, list(pairs))
    spark.stop()


if __name__ == "__main__":
    main()
