//! Tables of files small enough to be worked out by hand.

use std::fs::write;
use std::path::Path;

use pannier_proto::spec::ContextSpec;

use super::staged::Staged;

fn events(folder: &Path) {
    // Session s-1: two products, one bought in the middle; s-2: two users; s-3: bought twice.
    let text = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,1,2053013555631882655,electronics.smartphone,apple,100.00,10,s-1
2019-10-01 00:00:05 UTC,view,2,2053013553526341921,,,9.50,10,s-1
2019-10-01 00:00:20 UTC,cart,1,2053013555631882655,electronics.smartphone,apple,100.00,10,s-1
2019-10-01 00:00:30 UTC,purchase,1,2053013555631882655,electronics.smartphone,apple,101.00,10,s-1
2019-10-01 00:00:30 UTC,purchase,3,2053013553526341921,,lg,0.00,10,s-1
2019-10-01 00:00:40 UTC,view,1,2053013555631882655,electronics.smartphone,apple,101.00,10,s-1
2019-10-01 00:00:50 UTC,view,2,2053013553526341921,,,9.50,10,s-1
2019-10-01 00:01:00 UTC,view,1,2053013555631882655,electronics.smartphone,apple,100.00,20,s-2
2019-10-01 00:01:10 UTC,view,1,2053013555631882655,electronics.smartphone,apple,100.00,30,s-2
2019-10-01 00:01:20 UTC,view,2,2053013553526341921,,,9.50,30,s-2
2019-10-01 00:02:00 UTC,purchase,2,2053013553526341921,,,9.50,10,s-3
2019-10-01 00:02:10 UTC,purchase,2,2053013553526341921,,,9.50,10,s-3
2019-10-01 00:03:00 UTC,stare,2,2053013553526341921,,,9.50,10,s-3
2019-10-01 00:03:00,view,two,2053013553526341921,,,9.50,10,s-3
2019-10-01 00:03:00 UTC,view,2,2053013553526341921,,,9.50,10,
";
    write(folder.join("2019-Oct.csv"), text).unwrap();
}

const INTERACTIONS: &str =
    "select session_id, user_id, item_id, purchased, page_views, session_time, price,
    date_part('second', decided_at) from interactions order by session_id, user_id, item_id";

#[tokio::test]
async fn a_decision_knows_what_came_before_it() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let staged = Staged::of("rees46", folder.path()).await;
    let expected = [
        // Bought at :30 after two views, the last of them at :05; the cart and the other purchase of that
        // second are part of it.
        "s-1,10,1,true,2,5,101.00,30",
        // Never bought: the last look, at :50, after all four views.
        "s-1,10,2,false,4,50,9.50,50",
        "s-1,10,3,true,2,5,0.00,30",
        // A session of two users is one of each.
        "s-2,20,1,false,1,0,100.00,0",
        "s-2,30,1,false,1,0,100.00,10",
        "s-2,30,2,false,2,10,9.50,20",
        // Bought twice: the first time decides, and nothing came before it.
        "s-3,10,2,true,0,0,9.50,0",
    ];
    assert_eq!(staged.rows(INTERACTIONS).await, expected);
    let sessions = "select session_id, user_id, users, events, views, carts, purchases, products, session_time from sessions order by session_id";
    assert_eq!(
        staged.rows(sessions).await,
        [
            "s-1,10,1,7,4,1,2,3,50",
            "s-2,20,2,3,3,0,0,2,20",
            "s-3,10,1,2,0,0,2,1,10"
        ]
    );
    let bought = "select basket_id, user_id, item_id, quantity, spend, week from transactions order by basket_id, item_id, ordered_at";
    assert_eq!(
        staged.rows(bought).await,
        [
            "s-1,10,1,1,101.00,201940",
            "s-1,10,3,1,0.00,201940",
            "s-3,10,2,1,9.50,201940",
            "s-3,10,2,1,9.50,201940"
        ]
    );
    let items = "select item_id, name, department, price from items order by item_id";
    assert_eq!(
        staged.rows(items).await,
        [
            "1,apple electronics.smartphone,electronics,100.33",
            "2,2,-,9.50",
            "3,lg,-,0.00"
        ]
    );
    let rejects = "select line, reason from rejects order by line";
    assert_eq!(
        staged.rows(rejects).await,
        [
            "14,event_type is `stare`, not view, cart, remove_from_cart or purchase",
            "15,product_id is `two`, not a whole number",
            "16,user_session is empty",
        ]
    );
}

#[tokio::test]
async fn the_leaky_context_is_the_whole_session() {
    let folder = tempfile::tempdir().unwrap();
    events(folder.path());
    let staged = Staged::with("rees46", folder.path(), ContextSpec::Leaky, (0, 999_999)).await;
    let expected = [
        "s-1,10,1,true,7,50,100.33,40",
        "s-1,10,2,false,7,50,9.50,50",
        "s-1,10,3,true,7,50,0.00,30",
        // Of two users the session is the first's: the other's product 2 matches nothing.
        "s-2,20,1,false,3,20,100.33,10",
        "s-3,10,2,true,2,10,9.50,10",
    ];
    assert_eq!(staged.rows(INTERACTIONS).await, expected);
}

#[tokio::test]
async fn orders_without_dates_get_times_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| write(folder.path().join(name), text).unwrap();
    put(
        "orders.csv",
        "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order
90,1,prior,1,2,08,
70,1,prior,2,3,07,15.0
80,1,prior,3,3,05,0.0
60,1,train,4,4,23,30.0
50,2,prior,1,0,00,
40,2,test,2,0,10,7.0
30,x,prior,1,0,10,
",
    );
    put(
        "order_products__prior.csv",
        "order_id,product_id,add_to_cart_order,reordered
90,1,1,0
90,2,2,0
70,1,1,1
80,2,1,1
50,3,1,0
99,1,1,0
50,4,2,0
50,1
",
    );
    put(
        "order_products__train.csv",
        "order_id,product_id,add_to_cart_order,reordered\n60,1,1,1\n",
    );
    put(
        "products.csv",
        "product_id,product_name,aisle_id,department_id
1,\"Cheese, \"\"old\"\"\",1,2
2,Milk,1,2
3,Void,9,9
",
    );
    put("aisles.csv", "aisle_id,aisle\n1,fresh dairy\n");
    put(
        "departments.csv",
        "department_id,department\n2,dairy eggs\n",
    );
    let staged = Staged::of("instacart", folder.path()).await;
    let orders =
        "select user_id, basket_id, ordered_at, eval_set from orders order by user_id, ordered_at";
    assert_eq!(
        staged.rows(orders).await,
        [
            "1,90,2000-01-03T08:00:00,prior",
            "1,70,2000-01-18T07:00:01,prior",
            // On the same day at 05: not before the order before it.
            "1,80,2000-01-18T07:00:02,prior",
            "1,60,2000-02-17T23:00:03,train",
            "2,50,2000-01-03T00:00:00,prior",
            "2,40,2000-01-10T10:00:01,test",
        ]
    );
    let lines = "select user_id, basket_id, item_id, quantity, reordered, eval_set from transactions order by ordered_at, position";
    assert_eq!(
        staged.rows(lines).await,
        [
            "2,50,3,1,false,prior",
            "1,90,1,1,false,prior",
            "1,90,2,1,false,prior",
            "1,70,1,1,true,prior",
            "1,80,2,1,true,prior",
            "1,60,1,1,true,train"
        ]
    );
    let rejects = "select file, line, reason from rejects order by file, line";
    assert_eq!(
        staged.rows(rejects).await,
        [
            "order_products__prior.csv,7,line without an order",
            "order_products__prior.csv,8,line without a product",
            "order_products__prior.csv,9,2 fields where the header has 4",
            "orders.csv,8,user_id is `x`, not a whole number",
        ]
    );
    let items = "select name, aisle, department from items order by item_id";
    assert_eq!(
        staged.rows(items).await,
        [
            "Cheese, \"old\",fresh dairy,dairy eggs",
            "Milk,fresh dairy,dairy eggs",
            "Void,-,-"
        ]
    );
    let sets = [
        ("order of the set test", 1),
        ("order of the set train", 1),
        ("order after 30 days or more", 1),
    ];
    for (fact, rows) in sets {
        assert_eq!(staged.fact(fact).await, rows, "{fact}");
    }
}
