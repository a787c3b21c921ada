import pytest

from diagnosis.suggest.wording import canonical, content, same, says_nothing


@pytest.mark.parametrize(
    "notes",
    [
        *("", " ", "done", "Fixed.", "DONE!!", "N/A", "Issue resolved, user confirmed working", "...", "- "),
        *(
            "Duplicate",
            "closed as duplicate of 123",
            "Duplicate of INC0012345",
            "Duplicate of an earlier incident.",
            "Closed as duplicate of the ticket from this morning",
            "Merged into INC0012345",
            "restarted",
            "Rebooted the PC, works now",
            "Restarted the application process, load is down for now.",
        ),
        *("dup", "dupe", "duplicated", "Duplicate INC12", "Dup of INC12", "closed - duplicate", "Merged", "重复 INC12"),
        *("Rebooted server", "Server restarted.", "Restarted the laptop twice", "Restarted the inference service."),
        *("Restarted router, works now", "Workaround: restart", "workaround applied", "Restarted spooler"),
        *("已重启服务器", "重启了服务", "重启打印服务后恢复正常", "已重新启动服务器", "重启后正常"),
        *(
            "User did not respond",
            "No response from user",
            "Cannot reproduce",
            "can't reproduce",
            "wontfix",
            "Won't fix",
        ),
        *(
            "用户未回复",
            "用户无应答",
            "联系不上用户",
            "无法复现",
            "無法復現",
            "问题未再出现",
            "自愈",
            "已自行恢复",
            "不予处理",
        ),
        *("escalated to L2", "Forwarded to network team", "Assigned to 2nd line", "Resolved by network team"),
        *("Done by Peter", "fixed by john", "Solved by the vendor", "转二线处理", "已升级至L2", "已反馈给厂商"),
        *("张三已处理", "由李建国处理完毕", "网络组已处理"),
        *(
            "重复报障，与之前的工单合并处理。",
            "此单与上一单重复",
            "已合并到 INC0012345",
            "已处理",
            "问题已解决，谢谢",
            "已处理完毕，用户确认正常",
            "处理好了",
            "无",
            "已恢复",
            "ok 已完成",
            "重启",
            "重启电脑后恢复正常",
            "重启应用进程，负载暂时下降。",
        ),
    ],
)
def test_a_resolution_that_says_nothing(notes):
    assert says_nothing(notes)


@pytest.mark.parametrize(
    "notes",
    [
        *(
            "Reset password",
            "Restart the router",
            "Restarted print service and cleared the spool folder",
            "Restarted the service after clearing the queue",
            "Fixed by replacing the cable",
            "Fixed by driver update",
            "Resolved by patch 12",
            "Assigned the correct licence",
            "Moved to another port",
            "Forwarded port 443 to the server",
            "Duplicate IP address removed from the scope",
            "restart the print service",
            "replaced toner, user confirmed",
        ),
        *(
            "Run gpupdate /force",
            "重启打印服务",
            "重启路由器",
            "已重启服务器并清理日志",
            "由于内存泄漏，已重启服务",
            "改为自动",
            "升级网卡固件后正常",
            "联系厂商更换硬盘",
            "文件已恢复",
            "取消代理",
            "合并重复账号后正常",
            "重置密码",
            "清理磁盘空间后正常",
            "更换网线，问题解决",
        ),
    ],
)
def test_a_resolution_that_says_what_to_do(notes):
    assert not says_nothing(notes)


def test_order_case_punctuation_numbers_and_ids_do_not_make_a_resolution_another():
    assert canonical("Restarted spooler on PRN-0042.") == canonical("on prn-77, RESTARTED SPOOLER")
    assert canonical("重启打印服务 12") == canonical("重启打印服务")
    assert canonical("重启打印服务") != canonical("重装打印驱动")


def test_numbers_count_where_there_is_nothing_else():
    assert canonical("0x80070005") != canonical("0x80070006")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("restart the print spooler service on the print server", "Restart print spooler service on server PRN1", True),
        ("重启打印服务器上的打印服务", "重启打印服务器的打印服务", True),
        (
            "clear the cached credentials and sign in again to outlook",
            "clear the cached credentials, then sign in again to outlook; if it fails, rebuild the mail profile",
            True,
        ),
        ("restart the print spooler", "replace the network cable", False),
        ("重启打印服务", "更换网线", False),
        ("", "", False),
    ],
)
def test_what_says_the_same(one, other, expected):
    alike = same([content(one), content("something else altogether"), content(other)])
    assert alike[0, 2] == alike[2, 0] == expected
    assert not alike[1, [0, 2]].any()
