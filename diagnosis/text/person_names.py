"""Names of people in a text, so that no reason rests on who wrote it: given names, and a Chinese surname with a title.

A surname alone, and a Chinese name without a title, are not told from other words.

A name that is also a word of the desk (Mark, Bill, Jack, Dean, Will) or stands for a product is left out: what says
something of a fault is shown.
"""

from __future__ import annotations

import re

_NAMES = """
aaron abdul abdullah abigail adam adrian agnes ahmad ahmed aisha alan albert alejandro alex alexander alexandra alexis
alfred alice alicia alison allison alyssa amanda amelia amir amit amy andrea andreas andrew andy angela angelica anil
anita anjali anke ann anna anne annette annie anthony anton antonio arjun arthur arun ashley ashok audrey barbara
beatrice ben benjamin bernard bernd beth betty beverly birgit bjoern bob bobby bradley brandon brenda brian bridget
bruce bryan caitlin carl carla carlos carmen carol caroline carolyn catherine cathy charles chen cheryl chloe chris
christian christina christine christopher cindy claire claudia colin connor courtney craig cynthia daniel daniela
danielle danny darren dave david deborah debra deepak denise dennis derek diana diane diego dieter dmitri dominic
donald donna doris dorothy douglas dylan eddie edith eduardo edward eileen elaine eleanor elena elizabeth ellen emily
emma eric erik erika erin ernest esther ethan eugene eva evelyn fatima felix fernando fiona florian francesca francesco
francis francisco frederick gabriel gabriele gareth gary geoff george gerald gerhard gina giovanni giuseppe gloria
gordon graham greg gregory gustavo hannah hans harald harold harry hassan heather heidi heike heinz helen helga helmut
henry hillary holger howard hugh ian ibrahim ingrid irene isaac isabel isabella ivan jacob jacqueline jake james jamie
jane janet janice jason javier jeff jeffrey jennifer jenny jeremy jerry jesse jessica jill jim jimmy joan
joanna joe joel johan johann johanna johannes john johnny jonas jonathan jorge jose josef joseph joshua juan judith
judy juergen julian julie jutta karen karin karl karthik katherine kathleen kathryn kathy katie katja katrin kavita
keith kelly kenneth kerstin kevin khalid kim kimberly klaus kristen kristin kumar kyle larry laura lauren laurie leah
leila leon leonard leslie lewis lily linda lindsay lisa liu lois lorraine louis louise lucas lucia lucy luis lukas
lydia manfred manuel manuela marcel marco marcus margaret maria marie marilyn mario marion marko markus marlene martha
martin martina mary matt matteo matthew matthias maureen megan melanie melissa mia michael michaela michel michele
michelle miguel mike mohamed mohammad mohammed monica monika muhammad murat mustafa nadia nadine nancy naomi natalia
natalie natasha nathan neha neil nicholas nick nicola nicolas nicole nigel nikhil nikolaus nina noah nora norbert
norman olga oliver olivia oscar pablo pamela patricia patrick paul paula pauline pedro peggy peter petra philip philipp
phillip phyllis pierre pooja pradeep prakash priya rachel rafael rahul rainer raj rajesh ralf ralph ramesh ravi raymond
rebecca renate ricardo richard rita robert roberto rodney roger roland ronald rosa rosemary ross roy russell ruth ryan
sabine sally samantha samuel sandeep sandra sanjay sara sarah sascha scott sean sebastian sergei sergio shane shannon
sharon shaun sheila shirley silke simon sofia sonia sophia sophie stefan stefanie stephanie stephen steve steven stuart
sunil suresh susan susanne suzanne svetlana sylvia tamara tanja tanya teresa terry theresa thomas tiffany tim timothy
tina todd tom tommy tony tracy trevor ulrich ursula ute uwe vanessa vera verena veronica vicky victor victoria vijay
vikram vincent vivian vladimir walter waltraud wang wayne wendy werner wilhelm william wolfgang xavier yang yolanda
yusuf yvonne zachary zhang zhao zhou zoe
"""
GIVEN_NAMES = frozenset(_NAMES.split())
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏苏潘葛范彭郎鲁韦马苗凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤殷罗毕郝邬"
    "安常傅卞齐康伍余顾孟黄穆萧尹姚邵汪祁毛戴谈宋庞熊纪舒屈项祝董梁杜阮蓝闵季贾江童颜郭梅林钟徐邱骆高夏蔡田樊胡凌霍万柯管卢莫房丁邓石崔吉龚程邢裴"
    "陆翁侯全班秋仲伊宫宁仇甘武符刘景詹叶白赖卓池乔闻党翟谭申冉尚温庄柴瞿阎连习艾容向古易廖耿文欧蔚曾沙丰关聂"
)
_COMPOUND = "欧阳|司马|上官|诸葛|司徒|南宫|夏侯|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|端木"
_TITLES = "先生|女士|小姐|经理|主任|老师|师傅|书记|主管|总监|同学"
_TITLED = re.compile(
    rf"(?:{_COMPOUND})(?:[一-鿿]{{0,2}}(?:{_TITLES})|工|总)?|[{_SURNAMES}](?:[一-鿿]{{0,2}}(?:{_TITLES})|工|总)"
)
# What begins like a surname and is a post or a trade.
_POST = re.compile(rf"施工|童工|高工|(?:项目|安全|班|高级|华[东南西北中]|常务|党委|党支部|全体)(?:{_TITLES})")
_FULL_NAME = re.compile(r"\b([A-Z][a-z]+) ([A-Z][a-z'’-]+)")


def is_person_name(word: str) -> bool:
    """Whether a word is a common given name, a Chinese surname with a title, or one of two characters.

    Examples
    --------
    >>> [word for word in ("john", "vpn", "mark", "孙先生", "项目经理") if is_person_name(word)]
    ['john', '孙先生']
    """
    if word.casefold() in GIVEN_NAMES:
        return True
    return _TITLED.fullmatch(word) is not None and _POST.fullmatch(word) is None


def surnames(text: str) -> list[str]:
    """Return the capitalised words behind capitalised given names.

    Examples
    --------
    >>> surnames("ask John Smith about the VPN")
    ['Smith']
    """
    return [surname for given, surname in _FULL_NAME.findall(text) if given.casefold() in GIVEN_NAMES]
